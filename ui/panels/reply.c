/* reply.c - see reply.h */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "panels/reply.h"

double reply_number(const cJSON *obj, const char *key)
{
    const cJSON *v = cJSON_GetObjectItemCaseSensitive(obj, key);

    return cJSON_IsNumber(v) ? v->valuedouble : NAN;
}

int64_t reply_int(const cJSON *obj, const char *key, int64_t missing)
{
    double x = reply_number(obj, key);

    return fabs(x) <= 0x1p53 ? (int64_t)x : missing;
}

bool reply_true(const cJSON *obj, const char *key)
{
    return cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(obj, key));
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
