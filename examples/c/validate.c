/*
 * Judges a service: reads its JSON from standard input, prints one line for each finding, and exits
 * with 1 where one is an error.
 *
 *     echo '{"path": "web", "sections": {"expose#0": {"type": "envoy", "port": "abc"}}}' | validate
 */
#include <stdio.h>
#include <stdlib.h>

#include "igw_envoy.h"

static void print(const char *before, IgwText text, const char *after)
{
    if (text.data != NULL && text.len > 0)
        printf("%s%.*s%s", before, (int)text.len, text.data, after);
}

static size_t read_all(FILE *in, uint8_t **bytes)
{
    size_t room = 4096, len = 0, got;

    *bytes = malloc(room);
    while (*bytes != NULL && (got = fread(*bytes + len, 1, room - len, in)) > 0) {
        uint8_t *larger;

        len += got;
        if (len < room)
            continue;
        room *= 2;
        larger = realloc(*bytes, room);
        if (larger == NULL)
            free(*bytes);
        *bytes = larger;
    }
    return len;
}

int main(void)
{
    uint8_t *service = NULL;
    size_t len, i;
    IgwReport *report = NULL;
    IgwStatus status;
    int wrong;

    if (igw_abi_version() != IGW_ABI_VERSION) {
        fprintf(stderr, "this program needs ABI %d\n", IGW_ABI_VERSION);
        return 2;
    }
    len = read_all(stdin, &service);
    if (service == NULL)
        return 2;
    status = igw_validate(service, len, NULL, &report);
    free(service); /* the library keeps nothing of its inputs */
    if (status != IGW_STATUS_OK) {
        fprintf(stderr, "%s\n", igw_status_text(status));
        return 2;
    }
    for (i = 0; i < igw_report_len(report); i++) {
        IgwDiagnostic found;

        if (igw_report_get(report, i, &found) != IGW_STATUS_OK)
            continue;
        printf("%s ", found.severity == IGW_SEVERITY_ERROR ? "error" : "note");
        print("", found.section, "");
        print(".", found.keyword, "");
        print(": ", found.message, "");
        print("; ", found.hint, "");
        print(" [", found.code, "]\n");
    }
    wrong = igw_report_worst(report) == IGW_SEVERITY_ERROR;
    igw_report_free(report);
    return wrong;
}
