/* method.c: one method of a plugin as a callable of Python.
 *
 * What Python sees is a built-in function whose `self` is a Method: calling it takes the interpreter's shortest path
 * (vectorcall), with arguments by position or keyword. The plugin's description gave the parameters' names; everything
 * else about them is checked by the library, which names them in its errors.
 *
 * Keywords that are no parameter: `timeout_ms` is the call's deadline; those that name a field of the method's options
 * go there (queue.push("mail", body, delay_ms=500)); `except_` stands for `except`.
 */
#include "native.h"

PyTypeObject *method_type;

enum calling { CALL_BLOCKING = 0, CALL_ASYNC = 1, STREAM_BLOCKING = 2, STREAM_ASYNC = 3 };

/* What a call was given. */
typedef struct bound {
  call_arguments args;
  cachecore_value *values;
  Py_ssize_t count;
  int64_t timeout_ms;
  PyObject *key;     /* borrowed */
  PyObject *options; /* owned: a dict that collects fields */
} bound;

static void bound_clear(bound *given) {
  arguments_clear(&given->args);
  Py_XDECREF(given->options);
}

/* Says which parameter could not be read. */
static void name_parameter(method_object *method, PyObject *parameter) {
  PyObject *kind = NULL;
  PyObject *value = NULL;
  PyObject *trace = NULL;
  PyErr_Fetch(&kind, &value, &trace);
  PyErr_NormalizeException(&kind, &value, &trace);
  PyObject *text = value == NULL ? NULL : PyObject_Str(value);
  PyObject *message = text == NULL ? NULL : PyUnicode_FromFormat("%U: %U: %U", method->name, parameter, text);
  Py_XDECREF(text);
  /* A UnicodeEncodeError cannot be made of one message: its family can. */
  PyObject *family = PyErr_GivenExceptionMatches(kind, PyExc_UnicodeError) ? PyExc_ValueError : kind;
  if (message != NULL) {
    PyErr_SetObject(family, message);
    Py_DECREF(message);
    Py_XDECREF(kind);
    Py_XDECREF(value);
    Py_XDECREF(trace);
    return;
  }
  PyErr_Clear();
  PyErr_Restore(kind, value, trace);
}

static bool bind_value(method_object *method, bound *given, Py_ssize_t index, PyObject *object) {
  if (!value_from_python(&given->args, object, &given->values[index])) {
    name_parameter(method, PyTuple_GetItem(method->parameters, index));
    return false;
  }
  if (index == method->key_index && (PyUnicode_Check(object) || PyBytes_Check(object))) given->key = object;
  return true;
}

static Py_ssize_t find_parameter(method_object *method, PyObject *name, Py_ssize_t count) {
  for (Py_ssize_t i = 0; i < count; i++) {
    if (PyTuple_GetItem(method->parameters, i) == name) return i;
  }
  for (Py_ssize_t i = 0; i < count; i++) {
    if (PyUnicode_Compare(PyTuple_GetItem(method->parameters, i), name) == 0) return i;
  }
  Py_ssize_t length = PyUnicode_GetLength(name);
  if (length < 2 || PyUnicode_ReadChar(name, length - 1) != '_') return -1;
  PyObject *plain = PyUnicode_Substring(name, 0, length - 1);
  if (plain == NULL) return -1;
  Py_ssize_t found = -1;
  for (Py_ssize_t i = 0; i < count && found < 0; i++) {
    if (PyUnicode_Compare(PyTuple_GetItem(method->parameters, i), plain) == 0) found = i;
  }
  Py_DECREF(plain);
  return found;
}

static bool read_timeout(method_object *method, PyObject *object, int64_t *timeout_ms) {
  call_arguments scratch;
  arguments_init(&scratch);
  cachecore_value value;
  const bool fine =
      value_from_python(&scratch, object, &value) && (value.kind == CACHECORE_INT || value.kind == CACHECORE_NIL);
  arguments_clear(&scratch);
  if (!fine) {
    if (!PyErr_Occurred()) {
      PyErr_Format(PyExc_TypeError, "%U: timeout_ms must be an int or a timedelta, not %R", method->name,
                   (PyObject *)Py_TYPE(object));
    }
    return false;
  }
  if (value.kind == CACHECORE_INT) *timeout_ms = value.as.integer;
  return true;
}

/* A keyword that names a field of the options. */
static int bind_option(method_object *method, bound *given, PyObject *name, PyObject *object) {
  if (method->options == NULL) return 0;
  PyObject *plain = Py_NewRef(name);
  int known = PySet_Contains(method->options, plain);
  const Py_ssize_t length = PyUnicode_GetLength(name);
  if (known == 0 && length > 1 && PyUnicode_ReadChar(name, length - 1) == '_') { /* `if_` stands for `if` */
    set_reference(&plain, PyUnicode_Substring(name, 0, length - 1));
    known = plain == NULL ? -1 : PySet_Contains(method->options, plain);
  }
  if (known == 1) {
    if (given->options == NULL) given->options = PyDict_New();
    if (given->options == NULL || PyDict_SetItem(given->options, plain, object) != 0) known = -1;
  }
  Py_XDECREF(plain);
  return known;
}

static bool bind_keyword(method_object *method, bound *given, Py_ssize_t positional, PyObject *name, PyObject *object,
                         Py_ssize_t total) {
  const Py_ssize_t index = find_parameter(method, name, total);
  if (index >= 0) {
    if (index < positional) {
      PyErr_Format(PyExc_TypeError, "%U: %U was given twice", method->name, name);
      return false;
    }
    while (given->count <= index) given->values[given->count++] = cachecore_nil();
    return bind_value(method, given, index, object);
  }
  if (PyErr_Occurred()) return false;
  if (method->takes_timeout && PyUnicode_CompareWithASCIIString(name, "timeout_ms") == 0) {
    return read_timeout(method, object, &given->timeout_ms);
  }
  const int option = bind_option(method, given, name, object);
  if (option == 0) PyErr_Format(PyExc_TypeError, "%U has no parameter %R; see help()", method->name, name);
  return option > 0;
}

/* Fields given as keywords, over those of an options dict given as such. */
static bool bind_collected(method_object *method, bound *given, PyObject *const *objects, Py_ssize_t positional,
                           PyObject *names) {
  PyObject *whole = NULL;
  if (method->options_index < positional) whole = objects[method->options_index];
  for (Py_ssize_t i = 0; names != NULL && i < PyTuple_Size(names); i++) {
    if (PyUnicode_Compare(PyTuple_GetItem(names, i), PyTuple_GetItem(method->parameters, method->options_index)) == 0) {
      whole = objects[positional + i];
    }
  }
  if (whole != NULL && whole != Py_None && PyDict_Merge(given->options, whole, 0) != 0) return false;
  while (given->count <= method->options_index) given->values[given->count++] = cachecore_nil();
  return bind_value(method, given, method->options_index, given->options);
}

/* Reads the arguments of a call. False with an exception set; bound_clear is due in any case. */
static bool bind(method_object *method, bound *given, PyObject *const *objects, Py_ssize_t positional,
                 PyObject *names) {
  arguments_init(&given->args);
  given->values = given->args.values;
  given->timeout_ms = method->timeout_ms;
  given->key = NULL;
  given->options = NULL;
  given->count = 0;
  const Py_ssize_t total = PyTuple_Size(method->parameters);
  if (positional > total) {
    PyErr_Format(PyExc_TypeError, "%U takes %zd arguments, but %zd were given", method->name, total, positional);
    return false;
  }
  for (Py_ssize_t i = 0; i < positional; i++) {
    if (!bind_value(method, given, i, objects[i])) return false;
  }
  given->count = positional;
  if (names == NULL) return true;
  const Py_ssize_t named = PyTuple_Size(names);
  for (Py_ssize_t i = 0; i < named; i++) {
    if (!bind_keyword(method, given, positional, PyTuple_GetItem(names, i), objects[positional + i], total))
      return false;
  }
  return given->options == NULL || bind_collected(method, given, objects, positional, names);
}

/* ---- outcomes ---- */

static PyObject *failed(method_object *method, const cachecore_error *error, PyObject *key) {
  if (method->absorb == NULL || !may_be_absorbed(error->status)) {
    raise_error(error, method->name, key);
    return NULL;
  }
  PyObject *made = make_error(error, method->name, key);
  if (made == NULL) return NULL;
  PyObject *instead = PyObject_CallFunctionObjArgs(method->absorb, made, NULL);
  Py_DECREF(made);
  return instead;
}

static void say_closed(cachecore_error *error) {
  static const char message[] = "this client was closed while it waited; a change in flight may have been applied";
  error->status = CACHECORE_CLOSED;
  error->server_code[0] = '\0';
  memcpy(error->message, message, sizeof(message));
}

PyObject *method_outcome(method_object *method, const cachecore_completion *completion, PyObject *key) {
  if (completion->status == CACHECORE_OK) {
    return value_to_python(cachecore_result_value(completion->result), method->decode);
  }
  if (completion->status == CACHECORE_NOT_FOUND) return Py_NewRef(method->missing);
  cachecore_error error;
  const cachecore_error *given = cachecore_result_error(completion->result);
  if (given != NULL) {
    error = *given;
  } else {
    error.status = completion->status;
    error.server_code[0] = error.message[0] = '\0';
  }
  return failed(method, &error, key);
}

/* ---- calling ---- */

static PyObject *call_blocking(PyObject *callable, PyObject *const *objects, Py_ssize_t positional, PyObject *names) {
  method_object *method = (method_object *)callable;
  PyObject *answer = NULL;
  bound given;
  stay here;
  if (!bind(method, &given, objects, positional, names) || !core_enter(method->core, &here)) {
    bound_clear(&given);
    return NULL;
  }
  cachecore_result *result = NULL;
  cachecore_error error;
  stay_release_gil(&here);
  const cachecore_status status =
      cachecore_call(here.handle, method->method, given.values, (size_t)given.count, given.timeout_ms, &result, &error);
  stay_take_gil(&here);
  if (here.raised) {
    /* A signal handler's exception is set. */
  } else if (status == CACHECORE_OK) {
    answer = value_to_python(cachecore_result_value(result), method->decode);
  } else if (status == CACHECORE_NOT_FOUND) {
    answer = Py_NewRef(method->missing);
  } else {
    if (method->core->closing != 0 && status != CACHECORE_REJECTED) say_closed(&error);
    answer = failed(method, &error, given.key);
  }
  cachecore_result_free(result);
  core_leave(&here);
  bound_clear(&given);
  return answer;
}

static PyObject *call_async(PyObject *callable, PyObject *const *objects, Py_ssize_t positional, PyObject *names) {
  method_object *method = (method_object *)callable;
  operation_object *made = NULL;
  bound given;
  if (bind(method, &given, objects, positional, names)) {
    queue_object *queue = queue_of_running_loop(method->core);
    if (queue != NULL) made = operation_new(queue->loop, method, given.key);
    cachecore_error error;
    if (made != NULL &&
        !queue_submit(queue, &made->base, given.values, (size_t)given.count, given.timeout_ms, &error)) {
      if (PyErr_Occurred()) {
        Py_CLEAR(made);
      } else {
        operation_settle(made, failed(method, &error, given.key));
      }
    }
  }
  bound_clear(&given);
  return (PyObject *)made;
}

static PyObject *open_stream(PyObject *callable, PyObject *const *objects, Py_ssize_t positional, PyObject *names,
                             bool blocking) {
  method_object *method = (method_object *)callable;
  PyObject *stream = NULL;
  bound given;
  if (bind(method, &given, objects, positional, names)) {
    stream = stream_open(method, given.values, given.count, given.timeout_ms, given.key, blocking);
  }
  bound_clear(&given);
  return stream;
}

static PyObject *call_blocking_stream(PyObject *callable, PyObject *const *objects, Py_ssize_t positional,
                                      PyObject *names) {
  return open_stream(callable, objects, positional, names, true);
}

static PyObject *call_async_stream(PyObject *callable, PyObject *const *objects, Py_ssize_t positional,
                                   PyObject *names) {
  return open_stream(callable, objects, positional, names, false);
}

/* ---- making ---- */

static char *copy_text(const char *text) {
  const size_t size = strlen(text) + 1;
  char *copy = PyMem_Malloc(size);
  if (copy == NULL) {
    PyErr_NoMemory();
    return NULL;
  }
  return memcpy(copy, text, size);
}

static PyObject *or_null(PyObject *object) { return object == Py_None ? NULL : Py_NewRef(object); }

/* find_method(core, name, parameters, key_index, options_index, options, decode, timeout_ms, missing, absorb,
 * give_back, documentation, calling) -> built-in function */
static PyObject *find_method(PyObject *module, PyObject *arguments) {
  (void)module;
  core_object *core = NULL;
  const char *name = NULL;
  const char *documentation = NULL;
  PyObject *parameters = NULL;
  PyObject *options = NULL;
  PyObject *missing = NULL;
  PyObject *absorb = NULL;
  PyObject *give_back = NULL;
  Py_ssize_t key_index = -1;
  Py_ssize_t options_index = -1;
  int decode = 0;
  int calling = 0;
  long long timeout_ms = 0;
  if (!PyArg_ParseTuple(arguments, "O!sOnnOiLOOOsi", core_type, &core, &name, &parameters, &key_index, &options_index,
                        &options, &decode, &timeout_ms, &missing, &absorb, &give_back, &documentation, &calling)) {
    return NULL;
  }
  if (!PyTuple_Check(parameters) || PyTuple_Size(parameters) > ARGUMENTS_INLINE) {
    PyErr_Format(PyExc_ValueError, "%s: parameters must be a tuple of at most %d names", name, ARGUMENTS_INLINE);
    return NULL;
  }
  stay here;
  if (!core_enter(core, &here)) return NULL;
  const cachecore_method *found = NULL;
  cachecore_error error;
  const cachecore_status status = cachecore_method_find(here.handle, name, &found, &error);
  core_leave(&here);
  if (status != CACHECORE_OK) {
    raise_error(&error, NULL, NULL);
    return NULL;
  }
  method_object *self = (method_object *)PyType_GenericAlloc(method_type, 0);
  if (self == NULL) return NULL;
  self->core = (core_object *)Py_NewRef((PyObject *)core);
  self->method = found;
  self->name = PyUnicode_InternFromString(name);
  const char *dot = strrchr(name, '.');
  self->plain_name = copy_text(dot == NULL ? name : dot + 1);
  self->documentation = copy_text(documentation);
  self->parameters = Py_NewRef(parameters);
  self->options = or_null(options);
  self->options_index = options_index;
  self->key_index = key_index;
  self->decode = (enum decoding)decode;
  self->timeout_ms = timeout_ms;
  self->takes_timeout = true;
  for (Py_ssize_t i = 0; i < PyTuple_Size(parameters); i++) {
    if (PyUnicode_CompareWithASCIIString(PyTuple_GetItem(parameters, i), "timeout_ms") == 0)
      self->takes_timeout = false;
  }
  self->missing = Py_NewRef(missing);
  self->absorb = or_null(absorb);
  self->give_back = or_null(give_back);
  if (self->name == NULL || self->plain_name == NULL || self->documentation == NULL) {
    Py_DECREF(self);
    return NULL;
  }
  _PyCFunctionFastWithKeywords functions[] = {call_blocking, call_async, call_blocking_stream, call_async_stream};
  self->definition.ml_name = self->plain_name;
  self->definition.ml_meth = (PyCFunction)(void (*)(void))functions[calling & 3];
  self->definition.ml_flags = METH_FASTCALL | METH_KEYWORDS;
  self->definition.ml_doc = self->documentation;
  PyObject *owner = PyUnicode_FromString("cachecore");
  PyObject *callable = owner == NULL ? NULL : PyCFunction_NewEx(&self->definition, (PyObject *)self, owner);
  Py_XDECREF(owner);
  Py_DECREF(self); /* the function holds it */
  return callable;
}

static int method_traverse(method_object *self, visitproc visit, void *arg) {
  Py_VISIT(Py_TYPE(self));
  Py_VISIT(self->core);
  Py_VISIT(self->missing);
  Py_VISIT(self->absorb);
  Py_VISIT(self->give_back);
  return 0;
}

/* `core` stays: a function that garbage collection has not reached yet may still be called. */
static int method_clear(method_object *self) {
  Py_CLEAR(self->absorb);
  Py_CLEAR(self->give_back);
  return 0;
}

static void method_dealloc(method_object *self) {
  PyTypeObject *type = Py_TYPE(self);
  PyObject_GC_UnTrack(self);
  method_clear(self);
  Py_XDECREF(self->core);
  Py_XDECREF(self->missing);
  Py_XDECREF(self->name);
  Py_XDECREF(self->parameters);
  Py_XDECREF(self->options);
  PyMem_Free(self->plain_name);
  PyMem_Free(self->documentation);
  PyObject_GC_Del(self);
  Py_DECREF(type);
}

static PyType_Slot method_slots[] = {
    {Py_tp_dealloc, method_dealloc}, {Py_tp_traverse, method_traverse}, {Py_tp_clear, method_clear}, {0, NULL}};

static PyType_Spec method_spec = {"cachecore._native.Method", sizeof(method_object), 0,
                                  Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_DISALLOW_INSTANTIATION,
                                  method_slots};

static PyMethodDef functions[] = {
    {"find_method", find_method, METH_VARARGS, "The callable of a method; see Client for what its arguments are."},
    {NULL, NULL, 0, NULL}};

int method_init_type(PyObject *module) {
  method_type = (PyTypeObject *)PyType_FromSpec(&method_spec);
  if (method_type == NULL) return -1;
  return PyModule_AddFunctions(module, functions);
}
