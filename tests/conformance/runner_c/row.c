#include "row.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "operations.h"
#include "outcome.h"
#include "tests/support/support.h"

/* What the steps of a row share. */
struct row {
  cachecore_handle *core;
  const char *plugin;
  struct operations operations;
  struct memory memory; /* of the step */
};

static const cJSON *field(const cJSON *step, const char *name) { return cJSON_GetObjectItemCaseSensitive(step, name); }

static const char *text_of(const cJSON *step, const char *name) { return cJSON_GetStringValue(field(step, name)); }

static int64_t timeout_of(const cJSON *step) {
  const cJSON *timeout = field(step, "timeout_ms");
  return timeout == NULL ? 0 : (int64_t)timeout->valuedouble;
}

/* The outcome of what gave `result` or `error`; compares it and frees the result. */
static const char *settle(struct row *row, const cJSON *expect, cachecore_status status, cachecore_result *result,
                          const cachecore_error *error) {
  const struct outcome got = {.status = status,
                              .flags = 0,
                              .error = status < 0 ? error : NULL,
                              .value = result == NULL ? NULL : cachecore_result_value(result)};
  const char *differs = outcome_differs(&row->memory, expect, &got);
  if (differs == NULL && status != CACHECORE_OK && result != NULL) differs = "an error left a result behind";
  cachecore_result_free(result);
  return differs;
}

static const char *do_call(struct row *row, const cJSON *step) {
  const cJSON *json = field(step, "args");
  const cachecore_value args = json == NULL ? cachecore_list(NULL, 0) : value_read(&row->memory, json);
  const cachecore_method *method = NULL;
  cachecore_result *result = NULL;
  cachecore_error error;
  cachecore_status status = cachecore_method_find(row->core, text_of(step, "call"), &method, &error);
  if (status == CACHECORE_OK) {
    status =
        cachecore_call(row->core, method, args.as.list.items, args.as.list.count, timeout_of(step), &result, &error);
  }
  return settle(row, field(step, "expect"), status, result, &error);
}

static const char *do_echo(struct row *row, const cJSON *step) {
  static const char *const methods[] = {"conformance.echo", "conformance.echo_adopted"};
  const cachecore_value sent = value_read(&row->memory, field(step, "echo"));
  const char *differs = NULL;
  for (size_t index = 0; index < 2 && differs == NULL; index++) {
    cachecore_result *result = NULL;
    cachecore_error error;
    const cachecore_status status = cachecore_invoke(row->core, methods[index], &sent, 1, &result, &error);
    if (status != CACHECORE_OK) {
      differs = say(&row->memory, "%s: expected the value back, got %s: %s", methods[index],
                    cachecore_status_name(status), error.message);
    } else if (!value_equal(&sent, cachecore_result_value(result))) {
      differs = say(&row->memory, "%s: expected %s, got %s", methods[index], value_show(&row->memory, &sent),
                    value_show(&row->memory, cachecore_result_value(result)));
    }
    cachecore_result_free(result);
  }
  return differs;
}

static const char *do_submit(struct row *row, const cJSON *step) {
  const cJSON *json = field(step, "args");
  const cachecore_value args = json == NULL ? cachecore_list(NULL, 0) : value_read(&row->memory, json);
  const cachecore_method *method = NULL;
  cachecore_error error;
  cachecore_status status = cachecore_method_find(row->core, text_of(step, "submit"), &method, &error);
  if (status == CACHECORE_OK) {
    status = operations_submit(&row->operations, text_of(step, "as"), method, args.as.list.items, args.as.list.count,
                               timeout_of(step), &error);
  }
  return settle(row, field(step, "expect"), status, NULL, &error);
}

static const char *compare_completion(struct row *row, const cJSON *expect, const cachecore_completion *completion) {
  const struct outcome got = {.status = completion->status,
                              .flags = completion->flags,
                              .error = cachecore_result_error(completion->result),
                              .value = cachecore_result_value(completion->result)};
  return completion->result == NULL ? "a completion came without a result"
                                    : outcome_differs(&row->memory, expect, &got);
}

static const char *do_drain(struct row *row, const cJSON *step) {
  cachecore_completion completion;
  if (!operations_next(&row->operations, operations_number(&row->operations, text_of(step, "drain")), &completion)) {
    return "no completion came";
  }
  const char *differs = compare_completion(row, field(step, "expect"), &completion);
  cachecore_result_free(completion.result);
  return differs;
}

/* What a stream came to, item by item. */
struct stream {
  int64_t items;
  int64_t dropped;
  const char *wrong;
  cachecore_completion last; /* item, with its result */
  cachecore_completion end;
};

static void take_item(struct row *row, struct stream *stream, const cachecore_completion *item) {
  if ((item->flags & CACHECORE_COMPLETION_DROPPED) == 0) {
    cachecore_result_free(stream->last.result);
    stream->last = *item;
    stream->items++;
    return;
  }
  const cachecore_value *said = cachecore_result_value(item->result);
  if (said->kind == CACHECORE_MAP && said->as.map.count == 1 && said->as.map.pairs[0].value.kind == CACHECORE_INT) {
    stream->dropped += said->as.map.pairs[0].value.as.integer;
  } else {
    stream->wrong = say(&row->memory, "expected {\"dropped\": n}, got %s", value_show(&row->memory, said));
  }
  cachecore_result_free(item->result);
}

static const char *compare_stream(struct row *row, const cJSON *expect, const struct stream *stream) {
  const cJSON *sum = field(expect, "items_and_dropped");
  const cJSON *most = field(expect, "max_items");
  const cJSON *last = field(expect, "last");
  const struct outcome got = {.status = stream->end.status,
                              .flags = stream->dropped > 0 ? CACHECORE_COMPLETION_DROPPED : 0,
                              .error = cachecore_result_error(stream->end.result),
                              .value = NULL};
  if (stream->wrong != NULL) return stream->wrong;
  if (sum != NULL && stream->items + stream->dropped != (int64_t)sum->valuedouble) {
    return say(&row->memory, "expected %.0f items and dropped ones, got %lld and %lld", sum->valuedouble,
               (long long)stream->items, (long long)stream->dropped);
  }
  if (most != NULL && stream->items > (int64_t)most->valuedouble) {
    return say(&row->memory, "expected at most %.0f items, got %lld", most->valuedouble, (long long)stream->items);
  }
  if (last != NULL) {
    const cachecore_value wanted = value_read(&row->memory, last);
    if (stream->last.result == NULL || !value_equal(&wanted, cachecore_result_value(stream->last.result))) {
      return say(&row->memory, "the last item is not %s", value_show(&row->memory, &wanted));
    }
  }
  return outcome_differs(&row->memory, expect, &got);
}

static const char *do_drain_stream(struct row *row, const cJSON *step) {
  const uint64_t number = operations_number(&row->operations, text_of(step, "drain_stream"));
  struct stream stream = {0};
  const char *differs = NULL;
  while (differs == NULL) {
    cachecore_completion completion;
    if (!operations_next(&row->operations, number, &completion)) {
      differs = "the stream's end did not come";
    } else if ((completion.flags & CACHECORE_COMPLETION_MORE) != 0) {
      take_item(row, &stream, &completion);
    } else {
      stream.end = completion;
      break;
    }
  }
  if (differs == NULL) differs = compare_stream(row, field(step, "expect"), &stream);
  cachecore_result_free(stream.last.result);
  cachecore_result_free(stream.end.result);
  return differs;
}

static const char *do_cancel(struct row *row, const cJSON *step) {
  const cJSON *which = field(step, "cancel");
  const uint64_t number =
      cJSON_IsString(which) ? operations_number(&row->operations, which->valuestring) : (uint64_t)which->valuedouble;
  cachecore_error error;
  const cachecore_status status = cachecore_cancel(row->core, number, &error);
  return settle(row, field(step, "expect"), status, NULL, &error);
}

static const char *do_destroy_queue(struct row *row, const cJSON *step) {
  (void)step;
  operations_destroy_queue(&row->operations);
  return NULL;
}

static const char *do_load(struct row *row, const cJSON *step) {
  const char *name = text_of(step, "load");
  cachecore_error error;
  const cachecore_status status =
      cachecore_plugin_load(row->core, strcmp(name, "$plugin") == 0 ? row->plugin : name, NULL, &error);
  return settle(row, field(step, "expect"), status, NULL, &error);
}

static const char *do_reset(struct row *row, const cJSON *step) {
  cachecore_error error;
  const cachecore_status status = cachecore_reset(row->core, &error);
  return settle(row, field(step, "expect"), status, NULL, &error);
}

static const cachecore_value *in_map(const cachecore_value *map, const char *name) {
  const cachecore_value key = cachecore_text(name);
  for (size_t index = 0; map->kind == CACHECORE_MAP && index < map->as.map.count; index++) {
    if (value_equal(&key, &map->as.map.pairs[index].key)) return &map->as.map.pairs[index].value;
  }
  test_die("the description has no %s", name);
}

/* The item of `list` whose name is `name`; NULL when there is none. */
static const cachecore_value *named(const cachecore_value *list, const char *name, size_t size) {
  const cachecore_value wanted = cachecore_bytes(name, size);
  for (size_t index = 0; list->kind == CACHECORE_LIST && index < list->as.list.count; index++) {
    if (value_equal(&wanted, in_map(&list->as.list.items[index], "name"))) return &list->as.list.items[index];
  }
  return NULL;
}

static const char *do_describe(struct row *row, const cJSON *step) {
  const char *name = text_of(step, "describe");
  const char *point = strchr(name, '.');
  cachecore_result *result = NULL;
  cachecore_error error;
  const cachecore_status status = cachecore_describe(row->core, &result, &error);
  if (status != CACHECORE_OK) return settle(row, field(step, "expect"), status, result, &error);
  const cachecore_value *plugin =
      named(in_map(cachecore_result_value(result), "plugins"), name, (size_t)(point - name));
  const cachecore_value *methods = plugin == NULL ? NULL : in_map(plugin, "methods");
  const cachecore_value *method = methods == NULL ? NULL : named(methods, name, strlen(name));
  const struct outcome got = {.status = CACHECORE_OK, .flags = 0, .error = NULL, .value = method};
  const char *differs = outcome_differs(&row->memory, field(step, "expect"), &got);
  cachecore_result_free(result);
  return differs;
}

static const char *do_json_encode(struct row *row, const cJSON *step) {
  const cachecore_value value = value_read(&row->memory, field(step, "json_encode"));
  const char *wanted = text_of(field(step, "expect"), "json");
  cachecore_result *result = NULL;
  cachecore_error error;
  const cachecore_status status = cachecore_json_encode(&value, &result, &error);
  if (status == CACHECORE_OK && wanted != NULL) {
    const cachecore_value text = cachecore_text(wanted);
    if (!value_equal(&text, cachecore_result_value(result))) {
      const char *differs =
          say(&row->memory, "expected the text %s, got %s", wanted, cachecore_result_value(result)->as.bytes.data);
      cachecore_result_free(result);
      return differs;
    }
  }
  return settle(row, field(step, "expect"), status, result, &error);
}

static const char *do_json_decode(struct row *row, const cJSON *step) {
  const cachecore_value text = value_read(&row->memory, field(step, "json_decode"));
  cachecore_result *result = NULL;
  cachecore_error error;
  const cachecore_status status = cachecore_json_decode(text.as.bytes.data, text.as.bytes.size, &result, &error);
  return settle(row, field(step, "expect"), status, result, &error);
}

static const char *do_round_trip(struct row *row, const cJSON *step) {
  const cachecore_value value = value_read(&row->memory, field(step, "round_trip"));
  cachecore_result *text = NULL;
  cachecore_result *back = NULL;
  cachecore_error error;
  const char *differs = NULL;
  cachecore_status status = cachecore_json_encode(&value, &text, &error);
  if (status == CACHECORE_OK) {
    const cachecore_bytes_view json = cachecore_result_value(text)->as.bytes;
    status = cachecore_json_decode(json.data, json.size, &back, &error);
  }
  if (status != CACHECORE_OK) {
    differs = say(&row->memory, "expected it to survive, got %s: %s", cachecore_status_name(status), error.message);
  } else if (!value_equal(&value, cachecore_result_value(back))) {
    differs = say(&row->memory, "expected it back, got %s (text: %.300s)",
                  value_show(&row->memory, cachecore_result_value(back)), cachecore_result_value(text)->as.bytes.data);
  }
  cachecore_result_free(text);
  cachecore_result_free(back);
  return differs;
}

static const struct {
  const char *name;
  const char *(*perform)(struct row *row, const cJSON *step);
} kinds_of_step[] = {
    {"call", do_call},
    {"echo", do_echo},
    {"submit", do_submit},
    {"drain", do_drain},
    {"drain_stream", do_drain_stream},
    {"cancel", do_cancel},
    {"destroy_queue", do_destroy_queue},
    {"load", do_load},
    {"reset", do_reset},
    {"describe", do_describe},
    {"json_encode", do_json_encode},
    {"json_decode", do_json_decode},
    {"round_trip", do_round_trip},
};

static const char *do_step(struct row *row, const cJSON *step) {
  for (size_t index = 0; index < sizeof(kinds_of_step) / sizeof(kinds_of_step[0]); index++) {
    if (field(step, kinds_of_step[index].name) != NULL) return kinds_of_step[index].perform(row, step);
  }
  return "the runner does not know this step";
}

/* The row's configuration as JSON text; freed by the caller with cJSON_free. */
static char *configuration(const cJSON *row, const char *plugin, const char *url) {
  cJSON *config = cJSON_CreateObject();
  const cJSON *item = NULL;
  cJSON_AddStringToObject(config, "url", url);
  cJSON *load = cJSON_AddArrayToObject(config, "load");
  cJSON_AddItemToArray(load, cJSON_CreateString(plugin));
  cJSON_ArrayForEach(item, field(row, "load")) cJSON_AddItemToArray(load, cJSON_Duplicate(item, 1));
  cJSON_AddNumberToObject(config, "call_timeout_ms", 30000);
  cJSON_ArrayForEach(item, field(row, "config")) {
    cJSON_DeleteItemFromObjectCaseSensitive(config, item->string);
    cJSON_AddItemToObject(config, item->string, cJSON_Duplicate(item, 1));
  }
  char *text = cJSON_PrintUnformatted(config);
  cJSON_Delete(config);
  return text;
}

static const char *open_core(struct row *row, const cJSON *json, const char *url) {
  char *config = configuration(json, row->plugin, url);
  cachecore_options options;
  cachecore_options_init(&options);
  options.config_json = config;
  cachecore_error error;
  const cachecore_status status = cachecore_init(&options, &row->core, &error);
  cJSON_free(config);
  return settle(row, field(json, "init"), status, NULL, &error);
}

static char *explain(int number, const cJSON *step, const char *differs) {
  char *text = step == NULL ? NULL : cJSON_PrintUnformatted(step);
  char *told = test_format("step %d, %.300s: %s", number, text == NULL ? "making the core" : text, differs);
  cJSON_free(text);
  return told;
}

char *row_run(const cJSON *json, const char *plugin, const char *url) {
  struct row *row = calloc(1, sizeof(*row));
  if (row == NULL) test_die("no memory");
  row->plugin = plugin;
  const char *differs = open_core(row, json, url);
  char *told = differs == NULL ? NULL : explain(0, NULL, differs);
  row->operations.core = row->core;
  int number = 0;
  const cJSON *step = NULL;
  cJSON_ArrayForEach(step, field(json, "steps")) {
    if (told != NULL || row->core == NULL) break;
    differs = do_step(row, step);
    if (differs != NULL) told = explain(number + 1, step, differs);
    number++;
    memory_free(&row->memory);
  }
  operations_destroy_queue(&row->operations);
  cachecore_close(row->core);
  memory_free(&row->memory);
  free(row);
  return told;
}
