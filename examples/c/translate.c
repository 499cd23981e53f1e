/*
 * Prints what Envoy gets for a service, as JSON, and what the library says of itself.
 */
#include <stdio.h>
#include <string.h>

#include "igw_envoy.h"

static const char SERVICE[] =
    "{\"path\": \"web\", \"sections\": {\"expose#0\":"
    " {\"type\": \"envoy\", \"port\": \"80\", \"listener_port\": \"8080\"}}}";

int main(void)
{
    IgwFacts *facts = NULL;
    IgwTranslation *translation = NULL;
    IgwText json;
    int wrong;

    if (igw_facts_new(NULL, 0, 1700000000, &facts) != IGW_STATUS_OK)
        return 2;
    if (igw_translate((const uint8_t *)SERVICE, strlen(SERVICE), facts, &translation) !=
        IGW_STATUS_OK)
        return 2;
    igw_facts_free(facts); /* what was made with the facts does not need them any more */
    if (igw_translation_json(translation, &json) != IGW_STATUS_OK)
        return 2;
    printf("%.*s\n", (int)json.len, json.data);
    wrong = igw_report_worst(igw_translation_report(translation)) == IGW_SEVERITY_ERROR;
    igw_translation_free(translation);

    if (igw_keywords(&json) != IGW_STATUS_OK || json.len == 0)
        return 2;
    printf("igw-envoy %s, ABI %u, keywords: %lu bytes\n", igw_version(), (unsigned)igw_abi_version(),
           (unsigned long)json.len);
    return wrong;
}
