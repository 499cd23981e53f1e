/*
 * The `xds` command in a C program: what the binary does with the same words, this does.
 *
 *     sidecar --help
 */
#include "igw_envoy.h"

int main(int argc, char **argv)
{
    /* blocks until SIGTERM or SIGINT, which it handles by itself */
    return igw_sidecar_run(argc, (const char *const *)argv);
}
