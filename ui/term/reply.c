/* reply.c - see reply.h */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "term/reply.h"

double reply_number(const cJSON *obj, const char *key)
{
    const cJSON *v = cJSON_GetObjectItemCaseSensitive(obj, key);

    return cJSON_IsNumber(v) ? v->valuedouble : NAN;
}

const char *reply_text(const cJSON *obj, const char *key)
{
    const cJSON *v = cJSON_GetObjectItemCaseSensitive(obj, key);

    return cJSON_IsString(v) && v->valuestring ? v->valuestring : "";
}

char *reply_copy(const char *text)
{
    return text ? strdup(text) : NULL;
}
