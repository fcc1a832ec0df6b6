/* values.c: between Python's values and cachecore_value.
 *
 * Python to value: None, bool, int (64 bits), float, str (as UTF-8), bytes-like, list and tuple, dict, timedelta (as
 * milliseconds), aware datetime (as milliseconds since 1970). Reading runs no code of the caller's for exact types; for
 * others it may, so containers are copied first, and everything pointed to is held. Pairs, a tuple of pairs, is a map,
 * too: results use it for maps whose keys are not all different as keys of a dict (1 and True).
 */
#include "native.h"

#define DEPTH_LIMIT 512

struct block {
  struct block *next;
  cachecore_value values[];
};

#define HELD_BATCH 30

struct held {
  struct held *next;
  int count;
  struct {
    PyObject *object; /* NULL: the buffer is held instead */
    Py_buffer *buffer;
  } items[HELD_BATCH];
};

void arguments_init(call_arguments *args) {
  args->blocks = NULL;
  args->held = NULL;
}

void arguments_clear(call_arguments *args) {
  while (args->held != NULL) {
    struct held *batch = args->held;
    args->held = batch->next;
    for (int i = 0; i < batch->count; i++) {
      if (batch->items[i].buffer != NULL) {
        PyBuffer_Release(batch->items[i].buffer);
        PyMem_Free(batch->items[i].buffer);
      }
      Py_XDECREF(batch->items[i].object);
    }
    PyMem_Free(batch);
  }
  while (args->blocks != NULL) {
    struct block *block = args->blocks;
    args->blocks = block->next;
    PyMem_Free(block);
  }
}

static struct held *place_to_hold(call_arguments *args) {
  if (args->held == NULL || args->held->count == HELD_BATCH) {
    struct held *batch = PyMem_Malloc(sizeof(*batch));
    if (batch == NULL) {
      PyErr_NoMemory();
      return NULL;
    }
    batch->next = args->held;
    batch->count = 0;
    args->held = batch;
  }
  return args->held;
}

/* Takes the reference; also when it fails. */
static bool hold(call_arguments *args, PyObject *object) {
  struct held *batch = place_to_hold(args);
  if (batch == NULL) {
    Py_DECREF(object);
    return false;
  }
  batch->items[batch->count].object = object;
  batch->items[batch->count].buffer = NULL;
  batch->count++;
  return true;
}

static cachecore_value *allocate_values(call_arguments *args, size_t count) {
  if (count > (PY_SSIZE_T_MAX - sizeof(struct block)) / sizeof(cachecore_value)) {
    PyErr_NoMemory();
    return NULL;
  }
  struct block *block = PyMem_Malloc(sizeof(*block) + count * sizeof(cachecore_value));
  if (block == NULL) {
    PyErr_NoMemory();
    return NULL;
  }
  block->next = args->blocks;
  args->blocks = block;
  return block->values;
}

PyObject *pairs_type;

static bool convert(call_arguments *args, PyObject *object, cachecore_value *out, int depth);

static bool convert_buffer(call_arguments *args, PyObject *object, cachecore_value *out) {
  Py_buffer *view = PyMem_Malloc(sizeof(*view));
  if (view == NULL) {
    PyErr_NoMemory();
    return false;
  }
  if (PyObject_GetBuffer(object, view, PyBUF_SIMPLE) != 0) {
    PyMem_Free(view);
    return false;
  }
  struct held *batch = place_to_hold(args);
  if (batch == NULL) {
    PyBuffer_Release(view);
    PyMem_Free(view);
    return false;
  }
  batch->items[batch->count].object = NULL;
  batch->items[batch->count].buffer = view;
  batch->count++;
  *out = cachecore_bytes(view->buf, (size_t)view->len);
  return true;
}

static bool convert_sequence(call_arguments *args, PyObject *object, cachecore_value *out, int depth) {
  PyObject *items = PyList_Check(object) ? PyList_AsTuple(object) : Py_NewRef(object);
  if (items == NULL || !hold(args, items)) return false;
  const Py_ssize_t count = PyTuple_Size(items);
  if (count < 0) return false;
  cachecore_value *values = allocate_values(args, (size_t)count);
  if (values == NULL) return false;
  for (Py_ssize_t i = 0; i < count; i++) {
    if (!convert(args, PyTuple_GetItem(items, i), &values[i], depth)) return false;
  }
  *out = cachecore_list(values, (size_t)count);
  return true;
}

static bool convert_dict(call_arguments *args, PyObject *object, cachecore_value *out, int depth) {
  PyObject *copy = PyDict_Copy(object);
  if (copy == NULL || !hold(args, copy)) return false;
  const Py_ssize_t count = PyDict_Size(copy);
  cachecore_value *values = allocate_values(args, 2 * (size_t)count);
  if (values == NULL) return false;
  Py_ssize_t position = 0;
  Py_ssize_t at = 0;
  PyObject *key = NULL;
  PyObject *value = NULL;
  while (at < 2 * count && PyDict_Next(copy, &position, &key, &value)) {
    if (!convert(args, key, &values[at], depth) || !convert(args, value, &values[at + 1], depth)) return false;
    at += 2;
  }
  /* A pair is two values. */
  _Static_assert(sizeof(cachecore_pair) == 2 * sizeof(cachecore_value), "a pair is two values");
  *out = cachecore_map((const cachecore_pair *)values, (size_t)count);
  return true;
}

static bool convert_pairs(call_arguments *args, PyObject *object, cachecore_value *out, int depth) {
  const Py_ssize_t count = PyTuple_Size(object);
  cachecore_value *values = allocate_values(args, 2 * (size_t)count);
  if (values == NULL || !hold(args, Py_NewRef(object))) return false;
  for (Py_ssize_t i = 0; i < count; i++) {
    PyObject *pair = PyTuple_GetItem(object, i);
    if (!PyTuple_Check(pair) || PyTuple_Size(pair) != 2) {
      PyErr_SetString(PyExc_TypeError, "Pairs must hold tuples of a key and a value");
      return false;
    }
    if (!convert(args, PyTuple_GetItem(pair, 0), &values[2 * i], depth)) return false;
    if (!convert(args, PyTuple_GetItem(pair, 1), &values[2 * i + 1], depth)) return false;
  }
  *out = cachecore_map((const cachecore_pair *)values, (size_t)count);
  return true;
}

static bool convert_int(PyObject *object, cachecore_value *out) {
  int overflow = 0;
  const long long number = PyLong_AsLongLongAndOverflow(object, &overflow);
  if (overflow != 0) {
    PyErr_SetString(PyExc_OverflowError, "an int must be between -2**63 and 2**63 - 1");
    return false;
  }
  if (number == -1 && PyErr_Occurred()) return false;
  *out = cachecore_int(number);
  return true;
}

/* Types of the module datetime, and the moment 0: looked up once. */
static PyObject *timedelta_type, *datetime_type, *one_millisecond, *epoch;

static bool find_datetime(void) {
  if (epoch != NULL) return true;
  PyObject *module = PyImport_ImportModule("datetime");
  if (module == NULL) return false;
  PyObject *zone = NULL;
  PyObject *utc = NULL;
  timedelta_type = PyObject_GetAttrString(module, "timedelta");
  datetime_type = PyObject_GetAttrString(module, "datetime");
  zone = PyObject_GetAttrString(module, "timezone");
  if (zone != NULL) utc = PyObject_GetAttrString(zone, "utc");
  if (timedelta_type != NULL) one_millisecond = PyObject_CallFunction(timedelta_type, "iii", 0, 0, 1000);
  if (datetime_type != NULL && utc != NULL && one_millisecond != NULL)
    epoch = PyObject_CallFunction(datetime_type, "iiiiiiiO", 1970, 1, 1, 0, 0, 0, 0, utc);
  Py_XDECREF(utc);
  Py_XDECREF(zone);
  Py_DECREF(module);
  return epoch != NULL;
}

static bool convert_milliseconds(PyObject *duration, cachecore_value *out) {
  PyObject *count = PyNumber_FloorDivide(duration, one_millisecond);
  if (count == NULL) return false;
  const bool fine = convert_int(count, out);
  Py_DECREF(count);
  return fine;
}

/* An error among results, as in the list of a pipeline. */
static bool convert_error(call_arguments *args, PyObject *object, cachecore_value *out) {
  PyObject *status = PyObject_GetAttrString(object, "status");
  if (status == NULL) return false;
  cachecore_value number;
  const bool counted = convert_int(status, &number);
  Py_DECREF(status);
  if (!counted) return false;
  PyObject *message = PyObject_GetAttrString(object, "message");
  if (message == NULL || !hold(args, message) || !convert(args, message, out, DEPTH_LIMIT)) return false;
  out->kind = CACHECORE_ERROR;
  out->reserved = (int32_t)number.as.integer;
  return true;
}

/* What is none of the common types. */
static bool convert_other(call_arguments *args, PyObject *object, cachecore_value *out) {
  if (PyObject_CheckBuffer(object)) return convert_buffer(args, object, out);
  if (!find_datetime()) return false;
  int is = PyObject_IsInstance(object, timedelta_type);
  if (is < 0) return false;
  if (is > 0) return convert_milliseconds(object, out);
  is = PyObject_IsInstance(object, datetime_type);
  if (is < 0) return false;
  if (is > 0) {
    PyObject *since = PyNumber_Subtract(object, epoch);
    if (since == NULL) {
      if (PyErr_ExceptionMatches(PyExc_TypeError)) {
        PyErr_SetString(PyExc_TypeError, "a datetime must have a time zone (tzinfo)");
      }
      return false;
    }
    const bool fine = convert_milliseconds(since, out);
    Py_DECREF(since);
    return fine;
  }
  if (PyIndex_Check(object)) { /* numpy's integers, for example */
    PyObject *number = PyNumber_Index(object);
    if (number == NULL) return false;
    const bool fine = convert_int(number, out);
    Py_DECREF(number);
    return fine;
  }
  if (PyExceptionInstance_Check(object) && PyObject_HasAttrString(object, "status")) {
    return convert_error(args, object, out);
  }
  PyErr_Format(PyExc_TypeError,
               "a value must be None, bool, int, float, str, bytes, list, tuple, dict, timedelta or datetime, not %R",
               (PyObject *)Py_TYPE(object));
  return false;
}

static bool convert(call_arguments *args, PyObject *object, cachecore_value *out, int depth) {
  if (PyUnicode_Check(object)) {
    Py_ssize_t size = 0;
    const char *text = PyUnicode_AsUTF8AndSize(object, &size);
    if (text == NULL) return false;
    *out = cachecore_bytes(text, (size_t)size);
    return true;
  }
  if (PyBytes_Check(object)) {
    *out = cachecore_bytes(PyBytes_AsString(object), (size_t)PyBytes_Size(object));
    return true;
  }
  if (object == Py_None) {
    *out = cachecore_nil();
    return true;
  }
  if (object == Py_True || object == Py_False) {
    *out = cachecore_bool(object == Py_True);
    return true;
  }
  if (PyLong_Check(object)) return convert_int(object, out);
  if (PyFloat_Check(object)) {
    *out = cachecore_double(PyFloat_AsDouble(object));
    return true;
  }
  if (depth >= DEPTH_LIMIT) {
    PyErr_Format(PyExc_ValueError, "a value must not be nested more than %d deep", DEPTH_LIMIT);
    return false;
  }
  if ((PyObject *)Py_TYPE(object) == pairs_type) return convert_pairs(args, object, out, depth + 1);
  if (PyList_Check(object) || PyTuple_Check(object)) return convert_sequence(args, object, out, depth + 1);
  if (PyDict_Check(object)) return convert_dict(args, object, out, depth + 1);
  return convert_other(args, object, out);
}

bool value_from_python(call_arguments *args, PyObject *object, cachecore_value *out) {
  return convert(args, object, out, 0);
}

/* ---- to Python ---- */

static PyObject *text_or_bytes(const cachecore_value *value) {
  const char *data = value->as.bytes.data == NULL ? "" : value->as.bytes.data;
  PyObject *text = PyUnicode_DecodeUTF8(data, (Py_ssize_t)value->as.bytes.size, NULL);
  if (text != NULL || !PyErr_ExceptionMatches(PyExc_UnicodeDecodeError)) return text;
  PyErr_Clear();
  return PyBytes_FromStringAndSize(data, (Py_ssize_t)value->as.bytes.size);
}

static PyObject *to_python(const cachecore_value *value, enum decoding how, bool hashable);

static PyObject *list_to_python(const cachecore_value *value, enum decoding how, bool hashable) {
  const Py_ssize_t count = (Py_ssize_t)value->as.list.count;
  PyObject *made = hashable ? PyTuple_New(count) : PyList_New(count);
  if (made == NULL) return NULL;
  for (Py_ssize_t i = 0; i < count; i++) {
    PyObject *item = to_python(&value->as.list.items[i], how, hashable);
    if (item == NULL || (hashable ? PyTuple_SetItem(made, i, item) : PyList_SetItem(made, i, item)) != 0) {
      Py_DECREF(made);
      return NULL;
    }
  }
  return made;
}

/* A map that is a key of another, or whose keys are not all different in Python. */
static PyObject *pairs_to_python(const cachecore_value *value, enum decoding how, bool hashable) {
  const Py_ssize_t count = (Py_ssize_t)value->as.map.count;
  PyObject *made = PyTuple_New(count);
  if (made == NULL) return NULL;
  for (Py_ssize_t i = 0; i < count; i++) {
    PyObject *key = to_python(&value->as.map.pairs[i].key, how == DECODE_KEYS ? DECODE_TEXT : how, true);
    PyObject *held = key == NULL ? NULL : to_python(&value->as.map.pairs[i].value, how, hashable);
    PyObject *pair = held == NULL ? NULL : PyTuple_Pack(2, key, held);
    Py_XDECREF(key);
    Py_XDECREF(held);
    if (pair == NULL || PyTuple_SetItem(made, i, pair) != 0) {
      Py_DECREF(made);
      return NULL;
    }
  }
  PyObject *pairs = PyObject_CallFunctionObjArgs(pairs_type, made, NULL);
  Py_DECREF(made);
  return pairs;
}

static PyObject *map_to_python(const cachecore_value *value, enum decoding how) {
  PyObject *made = PyDict_New();
  if (made == NULL) return NULL;
  const enum decoding how_keys = how == DECODE_KEYS ? DECODE_TEXT : how;
  for (size_t i = 0; i < value->as.map.count; i++) {
    PyObject *key = to_python(&value->as.map.pairs[i].key, how_keys, true);
    PyObject *held = key == NULL ? NULL : to_python(&value->as.map.pairs[i].value, how, false);
    const int failed = held == NULL ? -1 : PyDict_SetItem(made, key, held);
    Py_XDECREF(key);
    Py_XDECREF(held);
    if (failed != 0) {
      Py_DECREF(made);
      return NULL;
    }
  }
  if ((size_t)PyDict_Size(made) == value->as.map.count) return made;
  Py_DECREF(made);
  return pairs_to_python(value, how, false);
}

static PyObject *container_to_python(const cachecore_value *value, enum decoding how, bool hashable) {
  if (Py_EnterRecursiveCall(" while reading a result")) return NULL;
  PyObject *made = value->kind == CACHECORE_LIST ? list_to_python(value, how, hashable)
                   : hashable                    ? pairs_to_python(value, how, true)
                                                 : map_to_python(value, how);
  Py_LeaveRecursiveCall();
  return made;
}

static PyObject *to_python(const cachecore_value *value, enum decoding how, bool hashable) {
  switch (value->kind) {
    case CACHECORE_BOOL:
      return PyBool_FromLong(value->as.integer != 0);
    case CACHECORE_INT:
      return PyLong_FromLongLong(value->as.integer);
    case CACHECORE_DOUBLE:
      return PyFloat_FromDouble(value->as.real);
    case CACHECORE_BYTES:
      if (how == DECODE_TEXT) return text_or_bytes(value);
      return PyBytes_FromStringAndSize(value->as.bytes.data, (Py_ssize_t)value->as.bytes.size);
    case CACHECORE_LIST:
    case CACHECORE_MAP:
      return container_to_python(value, how, hashable);
    case CACHECORE_ERROR:
      return make_error_of(value->reserved, "", value->as.bytes.data, NULL, NULL);
    default:
      return Py_NewRef(Py_None);
  }
}

PyObject *value_to_python(const cachecore_value *value, enum decoding how) { return to_python(value, how, false); }

int values_init(PyObject *module) {
  PyObject *names =
      Py_BuildValue("{s(),ss,ss}", "__slots__", "__module__", "cachecore", "__doc__",
                    "A map as a tuple of its pairs: one whose keys are not all different as keys of a dict.");
  if (names == NULL) return -1;
  pairs_type = PyObject_CallFunction((PyObject *)&PyType_Type, "s(O)N", "Pairs", (PyObject *)&PyTuple_Type, names);
  if (pairs_type == NULL) return -1;
  return PyModule_AddObjectRef(module, "Pairs", pairs_type);
}
