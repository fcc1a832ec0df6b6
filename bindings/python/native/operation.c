/* operation.c: Operation, what an asynchronous call returns.
 *
 * A future of asyncio in all that asyncio asks of one (asyncio.isfuture is true of it), so it can be awaited, gathered,
 * shielded and waited for; but it has no task and no thread of its own, and cancelling it cancels the operation: it is
 * cancelled when the library says that it has ended, so that a caller that goes on knows that nothing of it is still
 * under way.
 *
 * What was granted (a lock, a lease) and reaches nobody is given back: that of an operation that ended well after all
 * though it was cancelled, and that of one whose task was cancelled between the answer and the task's next step.
 *
 * Thread rule: as asyncio's futures, the thread of its event loop.
 */
#include "native.h"

PyTypeObject *operation_type;

static PyObject *cancelled_error, *invalid_state_error, *copy_context;
static PyObject *name_run, *name_call_soon, *name_call_exception_handler;

static void complete(pending *base, queue_object *queue, const cachecore_completion *completion);
static void abandon(pending *base, queue_object *queue);

operation_object *operation_new(PyObject *loop, method_object *method, PyObject *key) {
  operation_object *self = (operation_object *)PyType_GenericAlloc(operation_type, 0);
  if (self == NULL) return NULL;
  self->loop = Py_NewRef(loop);
  self->base.method = (method_object *)Py_XNewRef((PyObject *)method);
  self->base.key = Py_XNewRef(key);
  self->base.complete = complete;
  self->base.abandon = abandon;
  return self;
}

/* ---- settling ---- */

void operation_settle(operation_object *self, PyObject *result) {
  self->done = true;
  if (result != NULL) {
    self->result = result;
    return;
  }
  PyObject *kind = NULL;
  PyObject *trace = NULL;
  PyErr_Fetch(&kind, &self->exception, &trace);
  PyErr_NormalizeException(&kind, &self->exception, &trace);
  Py_XDECREF(kind);
  Py_XDECREF(trace);
}

void operation_settle_cancelled(operation_object *self) { self->done = self->cancelled = true; }

static void give_back(operation_object *self, PyObject *result) {
  if (self->base.method == NULL || self->base.method->give_back == NULL) return;
  PyObject *kind = NULL;
  PyObject *value = NULL;
  PyObject *trace = NULL;
  PyErr_Fetch(&kind, &value, &trace);
  PyObject *done = PyObject_CallFunctionObjArgs(self->base.method->give_back, result, NULL);
  if (done == NULL) PyErr_WriteUnraisable((PyObject *)self->base.method);
  Py_XDECREF(done);
  PyErr_Restore(kind, value, trace);
}

static void complete(pending *base, queue_object *queue, const cachecore_completion *completion) {
  operation_object *self = (operation_object *)base;
  if (self->done) return;
  if (self->cancelling) {
    if (completion->status == CACHECORE_OK) {
      PyObject *result = method_outcome(base->method, completion, base->key);
      if (result != NULL) {
        give_back(self, result);
        Py_DECREF(result);
      } else {
        PyErr_Clear();
      }
    }
    operation_settle_cancelled(self);
  } else {
    operation_settle(self, method_outcome(base->method, completion, base->key));
  }
  queue_ready(queue, self);
}

static void abandon(pending *base, queue_object *queue) {
  operation_object *self = (operation_object *)base;
  if (self->done) return;
  if (self->cancelling) {
    operation_settle_cancelled(self);
  } else {
    PyObject *error = make_error_of(CACHECORE_CLOSED, "", "the client was closed while this waited",
                                    base->method == NULL ? NULL : base->method->name, base->key);
    if (error != NULL) PyErr_SetObject((PyObject *)Py_TYPE(error), error);
    Py_XDECREF(error);
    operation_settle(self, NULL);
    self->seen = true; /* often there is nobody left to look at it */
  }
  queue_ready(queue, self);
}

/* ---- callbacks ---- */

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
  PyObject *told =
      about == NULL ? NULL : PyObject_CallMethodObjArgs(self->loop, name_call_exception_handler, about, NULL);
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

static PyObject *add_done_callback(operation_object *self, PyObject *arguments, PyObject *keywords) {
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

static PyObject *remove_done_callback(operation_object *self, PyObject *callback) {
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

/* ---- reading ---- */

static PyObject *make_cancelled(operation_object *self) {
  return PyObject_CallFunctionObjArgs(cancelled_error, self->cancel_message, NULL);
}

static void raise_object(PyObject *exception) {
  if (exception != NULL) PyErr_SetObject((PyObject *)Py_TYPE(exception), exception);
}

/* The answer of one that is done: a new reference, or NULL with its exception set. */
static PyObject *answer_of(operation_object *self) {
  if (self->cancelled) {
    PyObject *error = make_cancelled(self);
    raise_object(error);
    Py_XDECREF(error);
    return NULL;
  }
  if (self->exception != NULL) {
    self->seen = true;
    raise_object(self->exception);
    return NULL;
  }
  return Py_NewRef(self->result);
}

static PyObject *operation_result(operation_object *self, PyObject *unused) {
  (void)unused;
  if (self->done) return answer_of(self);
  PyErr_SetString(invalid_state_error, "Result is not set.");
  return NULL;
}

static PyObject *operation_exception(operation_object *self, PyObject *unused) {
  (void)unused;
  if (!self->done) {
    PyErr_SetString(invalid_state_error, "Exception is not set.");
    return NULL;
  }
  if (self->cancelled) return answer_of(self);
  self->seen = true;
  return Py_NewRef(self->exception == NULL ? Py_None : self->exception);
}

static PyObject *operation_cancel(operation_object *self, PyObject *arguments, PyObject *keywords) {
  static char *names[] = {"msg", NULL};
  PyObject *message = Py_None;
  if (!PyArg_ParseTupleAndKeywords(arguments, keywords, "|O", names, &message)) return NULL;
  if (self->done) Py_RETURN_FALSE;
  if (message != Py_None) set_reference(&self->cancel_message, Py_NewRef(message));
  self->cancelling = true;
  if (self->base.queue != NULL) {
    pending_cancel(&self->base);
  } else { /* nothing of the library's: the next item of a stream */
    operation_settle_cancelled(self);
    operation_schedule_callbacks(self);
  }
  Py_RETURN_TRUE;
}

/* ---- awaiting ----
 *
 * An operation is its own iterator. It has no method `send`, which would make it a coroutine in the eyes of
 * asyncio.wait; the interpreter uses the slot.
 */

static PyObject *operation_self(PyObject *self) { return Py_NewRef(self); }

static PySendResult operation_send(operation_object *self, PyObject *sent, PyObject **out) {
  (void)sent;
  if (self->done) {
    self->taken = true;
    *out = answer_of(self);
    return *out == NULL ? PYGEN_ERROR : PYGEN_RETURN;
  }
  if (self->blocking) {
    PyErr_SetString(PyExc_RuntimeError, "await wasn't used with future");
    *out = NULL;
    return PYGEN_ERROR;
  }
  self->blocking = true;
  *out = Py_NewRef((PyObject *)self);
  return PYGEN_NEXT;
}

static PyObject *operation_next(operation_object *self) {
  PyObject *out = NULL;
  if (operation_send(self, Py_None, &out) != PYGEN_RETURN) return out;
  PyObject *stop = PyObject_CallFunctionObjArgs(PyExc_StopIteration, out, NULL); /* a tuple would be unpacked */
  Py_DECREF(out);
  raise_object(stop);
  Py_XDECREF(stop);
  return NULL;
}

/* The awaiting coroutine will not take what comes, or has come. */
static void leave_awaiter(operation_object *self) {
  if (!self->done) {
    self->cancelling = true;
    pending_cancel(&self->base);
  } else if (self->result != NULL && !self->taken) {
    self->taken = true;
    give_back(self, self->result);
  }
}

static PyObject *operation_throw(operation_object *self, PyObject *arguments) {
  PyObject *kind = NULL;
  PyObject *value = NULL;
  PyObject *trace = NULL;
  if (!PyArg_UnpackTuple(arguments, "throw", 1, 3, &kind, &value, &trace)) return NULL;
  leave_awaiter(self);
  if (PyExceptionInstance_Check(kind)) {
    raise_object(kind);
  } else if (value != NULL && PyExceptionInstance_Check(value)) {
    raise_object(value);
  } else {
    PyErr_SetObject(kind, value == NULL ? Py_None : value);
  }
  return NULL;
}

static PyObject *operation_close(operation_object *self, PyObject *unused) {
  (void)unused;
  leave_awaiter(self);
  Py_RETURN_NONE;
}

/* ---- the type ---- */

static PyObject *operation_done(operation_object *self, PyObject *unused) {
  (void)unused;
  return PyBool_FromLong(self->done);
}

static PyObject *operation_cancelled(operation_object *self, PyObject *unused) {
  (void)unused;
  return PyBool_FromLong(self->cancelled);
}

static PyObject *operation_get_loop(operation_object *self, PyObject *unused) {
  (void)unused;
  return Py_NewRef(self->loop);
}

static PyObject *operation_make_cancelled(operation_object *self, PyObject *unused) {
  (void)unused;
  return make_cancelled(self);
}

static PyObject *get_blocking(operation_object *self, void *unused) {
  (void)unused;
  return PyBool_FromLong(self->blocking);
}

static int set_blocking(operation_object *self, PyObject *value, void *unused) {
  (void)unused;
  const int truth = value == NULL ? 0 : PyObject_IsTrue(value);
  if (truth < 0) return -1;
  self->blocking = truth != 0;
  return 0;
}

static PyObject *get_loop(operation_object *self, void *unused) {
  (void)unused;
  return Py_NewRef(self->loop);
}

static PyObject *operation_repr(operation_object *self) {
  const char *state = !self->done               ? (self->cancelling ? "cancelling" : "pending")
                      : self->cancelled         ? "cancelled"
                      : self->exception != NULL ? "failed"
                                                : "done";
  PyObject *name = self->base.method == NULL ? Py_None : self->base.method->name;
  return PyUnicode_FromFormat("<cachecore operation %S %s>", name, state);
}

static int operation_traverse(operation_object *self, visitproc visit, void *arg) {
  Py_VISIT(Py_TYPE(self));
  Py_VISIT(self->base.method);
  Py_VISIT(self->loop);
  Py_VISIT(self->result);
  Py_VISIT(self->exception);
  Py_VISIT(self->callback);
  Py_VISIT(self->context);
  Py_VISIT(self->more_callbacks);
  Py_VISIT(self->owner);
  return 0;
}

static int operation_clear(operation_object *self) {
  Py_CLEAR(self->loop);
  Py_CLEAR(self->result);
  Py_CLEAR(self->exception);
  Py_CLEAR(self->callback);
  Py_CLEAR(self->context);
  Py_CLEAR(self->more_callbacks);
  Py_CLEAR(self->cancel_message);
  Py_CLEAR(self->owner);
  pending_clear(&self->base);
  return 0;
}

/* An error that nobody looked at is told, as asyncio does. */
static void tell_unseen(operation_object *self) {
  PyObject *kind = NULL;
  PyObject *value = NULL;
  PyObject *trace = NULL;
  PyErr_Fetch(&kind, &value, &trace);
  PyObject *about = Py_BuildValue("{s:s,s:O}", "message", "the exception of a cachecore operation was never retrieved",
                                  "exception", self->exception);
  PyObject *told =
      about == NULL ? NULL : PyObject_CallMethodObjArgs(self->loop, name_call_exception_handler, about, NULL);
  if (told == NULL) PyErr_WriteUnraisable(self->exception);
  Py_XDECREF(about);
  Py_XDECREF(told);
  PyErr_Restore(kind, value, trace);
}

static void operation_dealloc(operation_object *self) {
  PyTypeObject *type = Py_TYPE(self);
  PyObject_GC_UnTrack(self);
  if (self->exception != NULL && !self->seen && self->loop != NULL) tell_unseen(self);
  operation_clear(self);
  PyObject_GC_Del(self);
  Py_DECREF(type);
}

#define METHOD(function) (PyCFunction)(void (*)(void))(function)

static PyMethodDef operation_methods[] = {
    {"add_done_callback", METHOD(add_done_callback), METH_VARARGS | METH_KEYWORDS, NULL},
    {"remove_done_callback", METHOD(remove_done_callback), METH_O, NULL},
    {"result", METHOD(operation_result), METH_NOARGS, NULL},
    {"exception", METHOD(operation_exception), METH_NOARGS, NULL},
    {"done", METHOD(operation_done), METH_NOARGS, NULL},
    {"cancelled", METHOD(operation_cancelled), METH_NOARGS, NULL},
    {"cancel", METHOD(operation_cancel), METH_VARARGS | METH_KEYWORDS, "Cancels the operation itself."},
    {"get_loop", METHOD(operation_get_loop), METH_NOARGS, NULL},
    {"throw", METHOD(operation_throw), METH_VARARGS, NULL},
    {"close", METHOD(operation_close), METH_NOARGS, NULL},
    {"_make_cancelled_error", METHOD(operation_make_cancelled), METH_NOARGS, NULL},
    {NULL, NULL, 0, NULL}};

static PyGetSetDef operation_getset[] = {{"_asyncio_future_blocking", (getter)(void (*)(void))get_blocking,
                                          (setter)(void (*)(void))set_blocking, NULL, NULL},
                                         {"_loop", (getter)(void (*)(void))get_loop, NULL, NULL, NULL},
                                         {NULL, NULL, NULL, NULL, NULL}};

static PyType_Slot operation_slots[] = {{Py_tp_dealloc, operation_dealloc},
                                        {Py_tp_traverse, operation_traverse},
                                        {Py_tp_clear, operation_clear},
                                        {Py_tp_repr, operation_repr},
                                        {Py_tp_methods, operation_methods},
                                        {Py_tp_getset, operation_getset},
                                        {Py_tp_iter, operation_self},
                                        {Py_tp_iternext, operation_next},
                                        {Py_am_await, operation_self},
                                        {Py_am_send, operation_send},
                                        {Py_tp_doc, "A call under way: await it, or use it as a future of asyncio."},
                                        {0, NULL}};

static PyType_Spec operation_spec = {"cachecore._native.Operation", sizeof(operation_object), 0,
                                     Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_DISALLOW_INSTANTIATION,
                                     operation_slots};

int operation_init_type(PyObject *module) {
  PyObject *asyncio = PyImport_ImportModule("asyncio");
  PyObject *contextvars = asyncio == NULL ? NULL : PyImport_ImportModule("contextvars");
  if (contextvars == NULL) return -1;
  cancelled_error = PyObject_GetAttrString(asyncio, "CancelledError");
  invalid_state_error = PyObject_GetAttrString(asyncio, "InvalidStateError");
  copy_context = PyObject_GetAttrString(contextvars, "copy_context");
  Py_DECREF(asyncio);
  Py_DECREF(contextvars);
  name_run = PyUnicode_InternFromString("run");
  name_call_soon = PyUnicode_InternFromString("call_soon");
  name_call_exception_handler = PyUnicode_InternFromString("call_exception_handler");
  operation_type = (PyTypeObject *)PyType_FromSpec(&operation_spec);
  if (cancelled_error == NULL || invalid_state_error == NULL || copy_context == NULL || operation_type == NULL)
    return -1;
  return PyModule_AddObjectRef(module, "Operation", (PyObject *)operation_type);
}
