/* stream.c: the items of a streaming method (redis.subscribe, lock.watch, core.log).
 *
 * BlockingStream has a completion queue of its own, which next() polls with the GIL released, letting signal handlers
 * run. Stream is for asyncio: its items come through the loop's queue, and wait here, at most 1,024 of them; beyond
 * that the oldest go, and the next item says how many: {"dropped": n}, as the library itself says it.
 *
 * Thread rule: the GIL; a BlockingStream may be closed by another thread while one waits in next().
 */
#include <poll.h>

#include "native.h"

PyTypeObject *stream_type;
PyTypeObject *blocking_stream_type;

#define ITEMS_LIMIT 1024
#define POLL_SLICE_MS 200

/* ---- for asyncio ---- */

typedef struct stream {
  pending base;
  PyObject *loop;
  PyObject *items; /* a list; those before `first` were taken */
  Py_ssize_t first;
  Py_ssize_t dropped;
  operation_object *waiter; /* what `next` returned last, if it waits */
  PyObject *failure;
  bool ended;
  bool cancelled;
} stream_object;

static PyObject *stop_async(void) {
  PyErr_SetNone(PyExc_StopAsyncIteration);
  return NULL;
}

static Py_ssize_t items_waiting(const stream_object *self) { return PyList_Size(self->items) - self->first; }

/* A new reference, or NULL: no item, and no exception. */
static PyObject *take_item(stream_object *self) {
  if (self->dropped > 0) {
    const Py_ssize_t dropped = self->dropped;
    self->dropped = 0;
    return Py_BuildValue("{s:n}", "dropped", dropped);
  }
  if (items_waiting(self) == 0) return NULL;
  PyObject *item = Py_NewRef(PyList_GetItem(self->items, self->first));
  PyList_SetItem(self->items, self->first, Py_NewRef(Py_None));
  self->first++;
  if (self->first == PyList_Size(self->items) || self->first >= ITEMS_LIMIT) {
    PyList_SetSlice(self->items, 0, self->first, NULL);
    self->first = 0;
  }
  return item;
}

/* The end, as an exception that is set. */
static void raise_end(stream_object *self) {
  if (self->failure != NULL) {
    PyObject *failure = self->failure;
    self->failure = NULL; /* told once; afterwards the stream has just ended */
    PyErr_SetObject((PyObject *)Py_TYPE(failure), failure);
    Py_DECREF(failure);
    return;
  }
  stop_async();
}

static operation_object *take_waiter(stream_object *self) {
  operation_object *waiter = self->waiter;
  self->waiter = NULL;
  if (waiter != NULL && waiter->done) Py_CLEAR(waiter); /* cancelled */
  return waiter;
}

static void stream_end(stream_object *self, queue_object *queue) {
  self->ended = true;
  operation_object *waiter = take_waiter(self);
  if (waiter == NULL) return;
  raise_end(self);
  operation_settle(waiter, NULL);
  queue_ready(queue, waiter);
  Py_DECREF(waiter);
}

static void stream_abandon(pending *base, queue_object *queue) { stream_end((stream_object *)base, queue); }

static void stream_complete(pending *base, queue_object *queue, const cachecore_completion *completion) {
  stream_object *self = (stream_object *)base;
  const bool more = (completion->flags & CACHECORE_COMPLETION_MORE) != 0;
  const bool asked = completion->status == CACHECORE_CANCELLED && self->cancelled;
  PyObject *item = !more && (asked || completion->status == CACHECORE_OK)
                       ? NULL
                       : method_outcome(base->method, completion, base->key);
  if (PyErr_Occurred()) {
    PyObject *kind = NULL;
    PyObject *trace = NULL;
    PyErr_Fetch(&kind, &self->failure, &trace);
    PyErr_NormalizeException(&kind, &self->failure, &trace);
    Py_XDECREF(kind);
    Py_XDECREF(trace);
  }
  if (!more) {
    Py_XDECREF(item);
    stream_end(self, queue);
    return;
  }
  if (item == NULL) return;
  operation_object *waiter = take_waiter(self);
  if (waiter != NULL) {
    operation_settle(waiter, item);
    queue_ready(queue, waiter);
    Py_DECREF(waiter);
    return;
  }
  if (items_waiting(self) >= ITEMS_LIMIT) {
    PyObject *oldest = take_item(self);
    Py_XDECREF(oldest);
    self->dropped++;
  }
  if (PyList_Append(self->items, item) != 0) PyErr_Clear();
  Py_DECREF(item);
}

static PyObject *stream_next(stream_object *self, PyObject *unused) {
  (void)unused;
  if (self->waiter != NULL && !self->waiter->done) {
    PyErr_SetString(PyExc_RuntimeError, "another task is waiting for this stream's next item");
    return NULL;
  }
  Py_CLEAR(self->waiter);
  operation_object *made = operation_new(self->loop, NULL, NULL);
  if (made == NULL) return NULL;
  PyObject *item = take_item(self);
  if (item != NULL) {
    operation_settle(made, item);
  } else if (self->ended) {
    raise_end(self);
    operation_settle(made, NULL);
  } else {
    made->owner = Py_NewRef((PyObject *)self);
    self->waiter = (operation_object *)Py_NewRef((PyObject *)made);
  }
  return (PyObject *)made;
}

static PyObject *stream_cancel(stream_object *self, PyObject *unused) {
  (void)unused;
  self->cancelled = true;
  pending_cancel(&self->base);
  Py_RETURN_NONE;
}

static PyObject *stream_ended(stream_object *self, void *unused) {
  (void)unused;
  return PyBool_FromLong(self->ended);
}

static PyObject *stream_cancelled(stream_object *self, void *unused) {
  (void)unused;
  return PyBool_FromLong(self->cancelled);
}

static int stream_traverse(stream_object *self, visitproc visit, void *arg) {
  Py_VISIT(Py_TYPE(self));
  Py_VISIT(self->base.method);
  Py_VISIT(self->loop);
  Py_VISIT(self->items);
  Py_VISIT(self->waiter);
  Py_VISIT(self->failure);
  return 0;
}

static int stream_clear(stream_object *self) {
  Py_CLEAR(self->loop);
  Py_CLEAR(self->waiter);
  Py_CLEAR(self->failure);
  return 0;
}

static void stream_dealloc(stream_object *self) {
  PyTypeObject *type = Py_TYPE(self);
  PyObject_GC_UnTrack(self);
  stream_clear(self);
  Py_CLEAR(self->items);
  pending_clear(&self->base);
  PyObject_GC_Del(self);
  Py_DECREF(type);
}

static PyObject *open_for_loop(method_object *method, const cachecore_value *values, Py_ssize_t count,
                               int64_t timeout_ms, PyObject *key) {
  queue_object *queue = queue_of_running_loop(method->core);
  if (queue == NULL) return NULL;
  stream_object *self = (stream_object *)PyType_GenericAlloc(stream_type, 0);
  if (self == NULL) return NULL;
  self->base.method = (method_object *)Py_NewRef((PyObject *)method);
  self->base.key = Py_XNewRef(key);
  self->base.complete = stream_complete;
  self->base.abandon = stream_abandon;
  self->loop = Py_NewRef(queue->loop);
  self->items = PyList_New(0);
  cachecore_error error;
  if (self->items == NULL || !queue_submit(queue, &self->base, values, (size_t)count, timeout_ms, &error)) {
    if (!PyErr_Occurred()) raise_error(&error, method->name, key);
    Py_DECREF(self);
    return NULL;
  }
  return (PyObject *)self;
}

/* ---- blocking ---- */

typedef struct blocking_stream {
  PyObject_HEAD method_object *method;
  PyObject *key;
  cachecore_completions *completions;
  uint64_t operation;
  long process;
  bool ended;
  bool cancelled;
} blocking_stream_object;

static PyObject *open_blocking(method_object *method, const cachecore_value *values, Py_ssize_t count,
                               int64_t timeout_ms, PyObject *key) {
  blocking_stream_object *self = (blocking_stream_object *)PyType_GenericAlloc(blocking_stream_type, 0);
  if (self == NULL) return NULL;
  self->method = (method_object *)Py_NewRef((PyObject *)method);
  self->key = Py_XNewRef(key);
  self->process = current_process();
  stay here;
  if (!core_enter(method->core, &here)) {
    Py_DECREF(self);
    return NULL;
  }
  cachecore_error error;
  cachecore_status status = cachecore_completions_create(here.handle, &self->completions, &error);
  if (status == CACHECORE_OK) {
    status = cachecore_submit(here.handle, method->method, values, (size_t)count, timeout_ms, self->completions, 0,
                              &self->operation, &error);
  }
  core_leave(&here);
  if (status == CACHECORE_OK) return (PyObject *)self;
  raise_error(&error, method->name, key);
  Py_DECREF(self);
  return NULL;
}

static PyObject *blocking_outcome(blocking_stream_object *self, const cachecore_completion *completion) {
  if ((completion->flags & CACHECORE_COMPLETION_MORE) != 0) return method_outcome(self->method, completion, self->key);
  self->ended = true;
  if (completion->status == CACHECORE_OK || (completion->status == CACHECORE_CANCELLED && self->cancelled)) return NULL;
  PyObject *instead = method_outcome(self->method, completion, self->key); /* an exception, or on_error="default" */
  Py_XDECREF(instead);
  return NULL;
}

static PyObject *blocking_next(blocking_stream_object *self) {
  while (!self->ended) {
    if (self->process != current_process()) {
      PyErr_SetString(PyExc_RuntimeError, "this stream was opened by the parent process: open another");
      return NULL;
    }
    cachecore_completion completion;
    if (cachecore_completions_drain(self->completions, &completion, 1) == 1) {
      PyObject *item = blocking_outcome(self, &completion);
      cachecore_result_free(completion.result);
      return item;
    }
    struct pollfd watched = {cachecore_completions_fd(self->completions), POLLIN, 0};
    PyThreadState *released = PyEval_SaveThread();
    poll(&watched, 1, POLL_SLICE_MS);
    PyEval_RestoreThread(released);
    if (PyErr_CheckSignals() != 0) return NULL;
  }
  return NULL;
}

/* Whoever waits in next() sees the end; the queue goes with the object. */
static PyObject *blocking_cancel(blocking_stream_object *self, PyObject *unused) {
  (void)unused;
  self->cancelled = true;
  if (self->ended || self->method->core->handle == NULL || self->process != current_process()) Py_RETURN_NONE;
  stay here;
  if (!core_enter(self->method->core, &here)) {
    PyErr_Clear();
    Py_RETURN_NONE;
  }
  cachecore_cancel(here.handle, self->operation, NULL);
  core_leave(&here);
  Py_RETURN_NONE;
}

static void blocking_dealloc(blocking_stream_object *self) {
  PyTypeObject *type = Py_TYPE(self);
  cachecore_completions_destroy(self->completions);
  Py_XDECREF(self->method);
  Py_XDECREF(self->key);
  PyObject_Free(self);
  Py_DECREF(type);
}

PyObject *stream_open(method_object *method, const cachecore_value *values, Py_ssize_t count, int64_t timeout_ms,
                      PyObject *key, bool blocking) {
  return blocking ? open_blocking(method, values, count, timeout_ms, key)
                  : open_for_loop(method, values, count, timeout_ms, key);
}

/* ---- the types ---- */

static PyMethodDef stream_methods[] = {
    {"next", (PyCFunction)(void (*)(void))stream_next, METH_NOARGS, "An operation for the next item."},
    {"cancel", (PyCFunction)(void (*)(void))stream_cancel, METH_NOARGS, "Asks for the stream's end."},
    {NULL, NULL, 0, NULL}};

static PyGetSetDef stream_getset[] = {{"ended", (getter)(void (*)(void))stream_ended, NULL, NULL, NULL},
                                      {"cancelled", (getter)(void (*)(void))stream_cancelled, NULL, NULL, NULL},
                                      {NULL, NULL, NULL, NULL, NULL}};

static PyType_Slot stream_slots[] = {{Py_tp_dealloc, stream_dealloc}, {Py_tp_traverse, stream_traverse},
                                     {Py_tp_clear, stream_clear},     {Py_tp_methods, stream_methods},
                                     {Py_tp_getset, stream_getset},   {0, NULL}};

static PyType_Spec stream_spec = {"cachecore._native.Stream", sizeof(stream_object), 0,
                                  Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_DISALLOW_INSTANTIATION,
                                  stream_slots};

static PyObject *return_self(PyObject *self) { return Py_NewRef(self); }

static PyMethodDef blocking_methods[] = {
    {"cancel", (PyCFunction)(void (*)(void))blocking_cancel, METH_NOARGS, "Asks for the stream's end."},
    {NULL, NULL, 0, NULL}};

static PyType_Slot blocking_slots[] = {{Py_tp_dealloc, blocking_dealloc},
                                       {Py_tp_iter, return_self},
                                       {Py_tp_iternext, blocking_next},
                                       {Py_tp_methods, blocking_methods},
                                       {0, NULL}};

static PyType_Spec blocking_spec = {"cachecore._native.BlockingStream", sizeof(blocking_stream_object), 0,
                                    Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION, blocking_slots};

int stream_init_type(PyObject *module) {
  stream_type = (PyTypeObject *)PyType_FromSpec(&stream_spec);
  blocking_stream_type = (PyTypeObject *)PyType_FromSpec(&blocking_spec);
  if (stream_type == NULL || blocking_stream_type == NULL) return -1;
  if (PyModule_AddObjectRef(module, "Stream", (PyObject *)stream_type) != 0) return -1;
  return PyModule_AddObjectRef(module, "BlockingStream", (PyObject *)blocking_stream_type);
}
