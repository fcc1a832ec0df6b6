/* callbacks.c: what is to be told when an operation is done.
 *
 * Mostly that is one task's wake-up, so the first callback has a place of its own. Thread rule: that of the event loop.
 */
#include "native.h"

static PyObject *copy_context;
static PyObject *name_run, *name_call_soon, *name_call_exception_handler;

PyObject *tell_loop(operation_object *self, PyObject *about) {
  return PyObject_CallMethodObjArgs(self->loop, name_call_exception_handler, about, NULL);
}

/* What a callback raised: to the loop's handler, as its own callbacks'. False if it has to end the loop. */
static bool report(operation_object *self) {
  if (PyErr_ExceptionMatches(PyExc_KeyboardInterrupt) || PyErr_ExceptionMatches(PyExc_SystemExit)) return false;
  PyObject *kind = NULL;
  PyObject *value = NULL;
  PyObject *trace = NULL;
  PyErr_Fetch(&kind, &value, &trace);
  PyErr_NormalizeException(&kind, &value, &trace);
  if (value != NULL && trace != NULL) PyException_SetTraceback(value, trace);
  PyObject *about = Py_BuildValue("{s:s,s:O,s:O}", "message", "Exception in a callback of a cachecore operation",
                                  "exception", value == NULL ? Py_None : value, "future", self);
  PyObject *told = about == NULL ? NULL : tell_loop(self, about);
  if (told == NULL) PyErr_WriteUnraisable((PyObject *)self);
  Py_XDECREF(about);
  Py_XDECREF(told);
  Py_XDECREF(kind);
  Py_XDECREF(value);
  Py_XDECREF(trace);
  return true;
}

static bool run_callback(operation_object *self, PyObject *callback, PyObject *context) {
  PyObject *done = PyObject_CallMethodObjArgs(context, name_run, callback, (PyObject *)self, NULL);
  const bool fine = done != NULL || report(self);
  Py_XDECREF(done);
  return fine;
}

static bool schedule_callback(operation_object *self, PyObject *callback, PyObject *context) {
  PyObject *call_soon = PyObject_GetAttr(self->loop, name_call_soon);
  PyObject *positional = call_soon == NULL ? NULL : PyTuple_Pack(2, callback, (PyObject *)self);
  PyObject *keywords = positional == NULL ? NULL : Py_BuildValue("{s:O}", "context", context);
  PyObject *handle = keywords == NULL ? NULL : PyObject_Call(call_soon, positional, keywords);
  Py_XDECREF(call_soon);
  Py_XDECREF(positional);
  Py_XDECREF(keywords);
  Py_XDECREF(handle);
  return handle != NULL;
}

bool operation_run_callbacks(operation_object *self) {
  PyObject *callback = self->callback;
  PyObject *context = self->context;
  self->callback = self->context = NULL;
  bool fine = true;
  if (callback != NULL) fine = run_callback(self, callback, context);
  Py_XDECREF(callback);
  Py_XDECREF(context);
  PyObject *more = self->more_callbacks;
  self->more_callbacks = NULL;
  const Py_ssize_t count = more == NULL ? 0 : PyList_Size(more);
  for (Py_ssize_t i = 0; i < count && fine; i++) {
    PyObject *pair = PyList_GetItem(more, i);
    fine = run_callback(self, PyTuple_GetItem(pair, 0), PyTuple_GetItem(pair, 1));
  }
  Py_XDECREF(more);
  return fine;
}

/* Where the loop is closed already nobody is left to run them. */
void operation_schedule_callbacks(operation_object *self) {
  PyObject *callback = self->callback;
  PyObject *context = self->context;
  self->callback = self->context = NULL;
  if (callback != NULL && !schedule_callback(self, callback, context)) PyErr_Clear();
  Py_XDECREF(callback);
  Py_XDECREF(context);
  PyObject *more = self->more_callbacks;
  self->more_callbacks = NULL;
  const Py_ssize_t count = more == NULL ? 0 : PyList_Size(more);
  for (Py_ssize_t i = 0; i < count; i++) {
    PyObject *pair = PyList_GetItem(more, i);
    if (!schedule_callback(self, PyTuple_GetItem(pair, 0), PyTuple_GetItem(pair, 1))) PyErr_Clear();
  }
  Py_XDECREF(more);
}

PyObject *operation_add_callback(operation_object *self, PyObject *arguments, PyObject *keywords) {
  static char *names[] = {"fn", "context", NULL};
  PyObject *callback = NULL;
  PyObject *context = Py_None;
  if (!PyArg_ParseTupleAndKeywords(arguments, keywords, "O|$O", names, &callback, &context)) return NULL;
  context = context == Py_None ? PyObject_CallFunctionObjArgs(copy_context, NULL) : Py_NewRef(context);
  if (context == NULL) return NULL;
  bool fine = true;
  if (self->done) {
    fine = schedule_callback(self, callback, context);
    Py_DECREF(context);
  } else if (self->callback == NULL && self->more_callbacks == NULL) {
    self->callback = Py_NewRef(callback);
    self->context = context;
  } else {
    if (self->more_callbacks == NULL) self->more_callbacks = PyList_New(0);
    PyObject *pair = self->more_callbacks == NULL ? NULL : PyTuple_Pack(2, callback, context);
    fine = pair != NULL && PyList_Append(self->more_callbacks, pair) == 0;
    Py_XDECREF(pair);
    Py_DECREF(context);
  }
  if (!fine) return NULL;
  Py_RETURN_NONE;
}

PyObject *operation_remove_callback(operation_object *self, PyObject *callback) {
  Py_ssize_t removed = 0;
  if (self->callback != NULL) {
    const int equal = PyObject_RichCompareBool(self->callback, callback, Py_EQ);
    if (equal < 0) return NULL;
    if (equal != 0) {
      Py_CLEAR(self->callback);
      Py_CLEAR(self->context);
      removed++;
    }
  }
  for (Py_ssize_t i = self->more_callbacks == NULL ? 0 : PyList_Size(self->more_callbacks); i-- > 0;) {
    PyObject *pair = PyList_GetItem(self->more_callbacks, i);
    const int equal = PyObject_RichCompareBool(PyTuple_GetItem(pair, 0), callback, Py_EQ);
    if (equal < 0 || (equal != 0 && PySequence_DelItem(self->more_callbacks, i) != 0)) return NULL;
    removed += equal;
  }
  return PyLong_FromSsize_t(removed);
}

int callbacks_init(void) {
  PyObject *contextvars = PyImport_ImportModule("contextvars");
  if (contextvars == NULL) return -1;
  copy_context = PyObject_GetAttrString(contextvars, "copy_context");
  Py_DECREF(contextvars);
  name_run = PyUnicode_InternFromString("run");
  name_call_soon = PyUnicode_InternFromString("call_soon");
  name_call_exception_handler = PyUnicode_InternFromString("call_exception_handler");
  return copy_context == NULL || name_run == NULL || name_call_soon == NULL || name_call_exception_handler == NULL ? -1
                                                                                                                   : 0;
}
