/* queue.c: Queue, the completion queue of one event loop.
 *
 * Python registers `drain` as the reader of the queue's descriptor. A turn takes all completions there are, settles
 * what they belong to, and then runs the done callbacks itself, each in its context, instead of handing every one to
 * loop.call_soon: we are already at the top of the loop, and that hop is what an awaited call would mostly consist of.
 *
 * Ownership. The list of pending objects owns a reference to each until its last completion, so the pointer that
 * travels as user_data is good.
 */
#include "native.h"

PyTypeObject *queue_type;

#define BATCH 128
#define BATCHES_A_TURN 8

static PyObject *get_running_loop;

static bool is_open(const queue_object *queue) { return queue != NULL && queue->completions != NULL; }

queue_object *queue_of_running_loop(core_object *core) {
  PyObject *loop = PyObject_CallFunctionObjArgs(get_running_loop, NULL);
  if (loop == NULL) return NULL;
  if (loop == core->loop && core->process == current_process() && is_open((queue_object *)core->queue)) {
    Py_DECREF(loop); /* the core holds it */
    return (queue_object *)core->queue;
  }
  PyObject *found = core->find_queue == NULL ? NULL : PyObject_CallFunctionObjArgs(core->find_queue, core, loop, NULL);
  if (found == NULL || Py_TYPE(found) != queue_type) {
    if (!PyErr_Occurred()) PyErr_SetString(PyExc_RuntimeError, "find_queue must return a Queue");
    Py_XDECREF(found);
    Py_DECREF(loop);
    return NULL;
  }
  set_reference(&core->loop, loop);
  set_reference(&core->queue, found);
  return (queue_object *)found;
}

bool queue_submit(queue_object *queue, pending *waiting, const cachecore_value *args, size_t count, int64_t timeout_ms,
                  cachecore_error *error) {
  stay here;
  if (!core_enter(queue->core, &here)) return false;
  const cachecore_status status =
      cachecore_submit(here.handle, waiting->method->method, args, count, timeout_ms, queue->completions,
                       (uint64_t)(uintptr_t)waiting, &waiting->operation, error);
  core_leave(&here);
  if (status != CACHECORE_OK) return false;
  waiting->queue = queue;
  waiting->previous = NULL;
  waiting->next = queue->first;
  if (queue->first != NULL) queue->first->previous = waiting;
  queue->first = waiting;
  Py_INCREF(waiting);
  return true;
}

void queue_forget(pending *waiting) {
  queue_object *queue = waiting->queue;
  if (queue == NULL) return;
  if (waiting->previous != NULL) {
    waiting->previous->next = waiting->next;
  } else {
    queue->first = waiting->next;
  }
  if (waiting->next != NULL) waiting->next->previous = waiting->previous;
  waiting->queue = NULL;
  waiting->previous = waiting->next = NULL;
  Py_DECREF(waiting);
}

void pending_cancel(pending *waiting) {
  queue_object *queue = waiting->queue;
  if (queue == NULL || queue->core->handle == NULL || queue->process != current_process()) return;
  stay here;
  if (!core_enter(queue->core, &here)) {
    PyErr_Clear(); /* closing: it ends without our doing */
    return;
  }
  cachecore_cancel(here.handle, waiting->operation, NULL);
  core_leave(&here);
}

void pending_clear(pending *waiting) {
  Py_CLEAR(waiting->method);
  Py_CLEAR(waiting->key);
}

/* ---- draining ---- */

void queue_ready(queue_object *queue, operation_object *settled) {
  settled->next_ready = NULL;
  *queue->ready_end = (operation_object *)Py_NewRef((PyObject *)settled);
  queue->ready_end = &settled->next_ready;
}

static bool run_ready(queue_object *self) {
  while (self->ready != NULL) {
    operation_object *next = self->ready;
    self->ready = next->next_ready;
    if (self->ready == NULL) self->ready_end = &self->ready;
    next->next_ready = NULL;
    const bool fine = operation_run_callbacks(next);
    Py_DECREF(next);
    if (!fine) return false;
  }
  return true;
}

/* A KeyboardInterrupt leaves the loop: what is left runs if the loop does again. */
static void postpone_ready(queue_object *self) {
  PyObject *kind = NULL;
  PyObject *value = NULL;
  PyObject *trace = NULL;
  PyErr_Fetch(&kind, &value, &trace);
  while (self->ready != NULL) {
    operation_object *next = self->ready;
    self->ready = next->next_ready;
    next->next_ready = NULL;
    operation_schedule_callbacks(next);
    Py_DECREF(next);
  }
  self->ready_end = &self->ready;
  PyErr_Restore(kind, value, trace);
}

static PyObject *queue_drain(queue_object *self, PyObject *unused) {
  (void)unused;
  Py_INCREF(self);
  bool fine = true;
  for (int turn = 0; fine && turn < BATCHES_A_TURN && self->completions != NULL; turn++) {
    cachecore_completion batch[BATCH];
    const size_t count = cachecore_completions_drain(self->completions, batch, BATCH);
    for (size_t i = 0; i < count; i++) {
      pending *waiting = (pending *)(uintptr_t)batch[i].user_data;
      Py_INCREF(waiting);
      if ((batch[i].flags & CACHECORE_COMPLETION_MORE) == 0) queue_forget(waiting);
      waiting->complete(waiting, self, &batch[i]);
      Py_DECREF(waiting);
      cachecore_result_free(batch[i].result);
    }
    fine = run_ready(self);
    if (count < BATCH) break;
  }
  if (!fine) postpone_ready(self);
  Py_DECREF(self);
  if (!fine) return NULL;
  Py_RETURN_NONE;
}

/* ---- the type ---- */

static PyObject *queue_new(PyTypeObject *type, PyObject *arguments, PyObject *keywords) {
  static char *names[] = {"core", "loop", NULL};
  core_object *core = NULL;
  PyObject *loop = NULL;
  if (!PyArg_ParseTupleAndKeywords(arguments, keywords, "O!O", names, core_type, &core, &loop)) return NULL;
  stay here;
  if (!core_enter(core, &here)) return NULL;
  cachecore_completions *completions = NULL;
  cachecore_error error;
  const cachecore_status status = cachecore_completions_create(here.handle, &completions, &error);
  core_leave(&here);
  if (status != CACHECORE_OK) {
    raise_error(&error, NULL, NULL);
    return NULL;
  }
  queue_object *self = (queue_object *)PyType_GenericAlloc(type, 0);
  if (self == NULL) {
    cachecore_completions_destroy(completions);
    return NULL;
  }
  self->core = (core_object *)Py_NewRef((PyObject *)core);
  self->completions = completions;
  self->loop = Py_NewRef(loop);
  self->ready_end = &self->ready;
  self->process = current_process();
  return (PyObject *)self;
}

/* The operations of a parent's queue are the parent's: here they only go. */
static void close_queue(queue_object *self) {
  cachecore_completions *completions = self->completions;
  self->completions = NULL;
  if (completions == NULL) return;
  cachecore_completions_destroy(completions);
  while (self->first != NULL) {
    pending *waiting = self->first;
    Py_INCREF(waiting);
    queue_forget(waiting);
    if (self->process == current_process()) waiting->abandon(waiting, self);
    Py_DECREF(waiting);
  }
  postpone_ready(self);
}

static PyObject *queue_close(queue_object *self, PyObject *unused) {
  (void)unused;
  Py_INCREF(self);
  close_queue(self);
  Py_DECREF(self);
  Py_RETURN_NONE;
}

static int queue_traverse(queue_object *self, visitproc visit, void *arg) {
  Py_VISIT(Py_TYPE(self));
  Py_VISIT(self->core);
  Py_VISIT(self->loop);
  for (pending *each = self->first; each != NULL; each = each->next) Py_VISIT(each);
  return 0;
}

static int queue_clear(queue_object *self) {
  close_queue(self);
  Py_CLEAR(self->loop);
  return 0;
}

static void queue_dealloc(queue_object *self) {
  PyTypeObject *type = Py_TYPE(self);
  PyObject_GC_UnTrack(self);
  queue_clear(self);
  Py_XDECREF(self->core);
  PyObject_GC_Del(self);
  Py_DECREF(type);
}

static PyObject *queue_fileno(queue_object *self, PyObject *unused) {
  (void)unused;
  return PyLong_FromLong(cachecore_completions_fd(self->completions));
}

static PyObject *queue_inherited(queue_object *self, void *unused) {
  (void)unused;
  return PyBool_FromLong(self->process != current_process());
}

static PyObject *queue_pending(queue_object *self, void *unused) {
  (void)unused;
  return PyBool_FromLong(self->first != NULL);
}

static PyMethodDef queue_methods[] = {
    {"fileno", (PyCFunction)(void (*)(void))queue_fileno, METH_NOARGS, "Readable while there is something to drain."},
    {"drain", (PyCFunction)(void (*)(void))queue_drain, METH_NOARGS, "Settles what has completed; the loop's reader."},
    {"close", (PyCFunction)(void (*)(void))queue_close, METH_NOARGS, "Gives up what is still running."},
    {NULL, NULL, 0, NULL}};

static PyGetSetDef queue_getset[] = {
    {"inherited", (getter)(void (*)(void))queue_inherited, NULL, "Made by the process this one was forked from.", NULL},
    {"pending", (getter)(void (*)(void))queue_pending, NULL, "Whether something waits.", NULL},
    {NULL, NULL, NULL, NULL, NULL}};

static PyType_Slot queue_slots[] = {{Py_tp_new, queue_new},
                                    {Py_tp_dealloc, queue_dealloc},
                                    {Py_tp_traverse, queue_traverse},
                                    {Py_tp_clear, queue_clear},
                                    {Py_tp_methods, queue_methods},
                                    {Py_tp_getset, queue_getset},
                                    {0, NULL}};

static PyType_Spec queue_spec = {"cachecore._native.Queue", sizeof(queue_object), 0,
                                 Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC, queue_slots};

int queue_init_type(PyObject *module) {
  PyObject *asyncio = PyImport_ImportModule("asyncio");
  if (asyncio == NULL) return -1;
  get_running_loop = PyObject_GetAttrString(asyncio, "get_running_loop");
  Py_DECREF(asyncio);
  queue_type = (PyTypeObject *)PyType_FromSpec(&queue_spec);
  if (queue_type == NULL || get_running_loop == NULL) return -1;
  return PyModule_AddObjectRef(module, "Queue", (PyObject *)queue_type);
}
