/* core.c: Core, a handle of the library.
 *
 * Closing. A thread that is about to call has counted itself in (core_enter) and gives up the GIL a moment before it
 * enters the library, so close must not free the handle under it: it marks the core as closing, which refuses new calls
 * and ends waiting ones (should_stop), and whoever leaves last closes the handle. A signal handler that runs inside a
 * call of its own thread does not wait for that call.
 *
 * Ctrl-C. The library asks should_stop from the waiting thread itself, which takes the GIL and lets Python run its
 * signal handlers; an exception from one ends the call.
 */
#include <pthread.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "native.h"

PyTypeObject *core_type;

static _Thread_local struct {
  stay *innermost;
  bool asks;
} this_thread;

/* getpid is a system call; this is looked at in every call. */
static long process_now;

static void note_process(void) { process_now = (long)getpid(); }

long current_process(void) { return process_now; }

static bool is_closing(const core_object *core) { return __atomic_load_n(&core->closing, __ATOMIC_ACQUIRE) != 0; }

/* Python runs signal handlers on the main thread; after a fork that is the thread that forked. */
static bool on_main_thread(void) { return syscall(SYS_gettid) == getpid(); }

static int32_t should_stop(void *context) {
  (void)context;
  stay *here = this_thread.innermost;
  if (here == NULL || here->released == NULL) return 0;
  if (here->core != NULL && is_closing(here->core)) return 1;
  if (!on_main_thread()) return 0;
  stay_take_gil(here);
  here->raised = PyErr_CheckSignals() != 0;
  const bool stop = here->raised || (here->core != NULL && is_closing(here->core));
  stay_release_gil(here);
  return stop;
}

static void begin_stay(stay *here, core_object *core) {
  if (!this_thread.asks) {
    cachecore_set_interrupt(should_stop, NULL);
    this_thread.asks = true;
  }
  here->outer = this_thread.innermost;
  here->core = core;
  here->handle = core == NULL ? NULL : core->handle;
  here->released = NULL;
  here->raised = false;
  this_thread.innermost = here;
}

static void end_stay(stay *here) { this_thread.innermost = here->outer; }

static Py_ssize_t stays_of_this_thread(const core_object *core) {
  Py_ssize_t count = 0;
  for (const stay *each = this_thread.innermost; each != NULL; each = each->outer) count += each->core == core;
  return count;
}

void stay_release_gil(stay *here) { here->released = PyEval_SaveThread(); }

void stay_take_gil(stay *here) {
  PyEval_RestoreThread(here->released);
  here->released = NULL;
}

/* Threads of the parent do not exist here, nor do their stays. */
static void forget_parent(core_object *core) {
  core->process = current_process();
  core->generation++;
  core->users = stays_of_this_thread(core);
  Py_CLEAR(core->loop);
  Py_CLEAR(core->queue);
}

/* The handle was inherited by fork: makes it this process' own. With the GIL held, since no other thread may be in it.
 */
static bool adopt(stay *here) {
  core_object *core = here->core;
  cachecore_error error;
  if (cachecore_reset(here->handle, &error) != CACHECORE_OK) {
    raise_error(&error, NULL, NULL);
    return false;
  }
  forget_parent(core);
  return true;
}

bool core_enter(core_object *core, stay *here) {
  if (core->handle == NULL || is_closing(core)) {
    PyObject *error = make_error_of(CACHECORE_CLOSED, "", "this client is closed", NULL, NULL);
    if (error != NULL) PyErr_SetObject((PyObject *)Py_TYPE(error), error);
    Py_XDECREF(error);
    return false;
  }
  begin_stay(here, core);
  core->users++;
  if (core->process == process_now || adopt(here)) return true;
  core_leave(here);
  return false;
}

static void close_handle(core_object *core) {
  cachecore *handle = core->handle;
  core->handle = NULL;
  PyThreadState *released = PyEval_SaveThread();
  cachecore_close(handle);
  PyEval_RestoreThread(released);
  core->closing = 2;
}

void core_leave(stay *here) {
  core_object *core = here->core;
  end_stay(here);
  core->users--;
  if (core->users == 0 && is_closing(core) && core->handle != NULL) close_handle(core);
}

/* ---- the type ---- */

static PyObject *core_new(PyTypeObject *type, PyObject *arguments, PyObject *keywords) {
  static char *names[] = {"config_json", "config_file", "find_queue", NULL};
  const char *config_json = NULL;
  const char *config_file = NULL;
  PyObject *find_queue = NULL;
  if (!PyArg_ParseTupleAndKeywords(arguments, keywords, "zzO", names, &config_json, &config_file, &find_queue)) {
    return NULL;
  }
  cachecore_options options;
  cachecore_options_init(&options);
  options.config_json = config_json;
  options.config_file = config_file;
  cachecore *handle = NULL;
  cachecore_error error;
  stay here;
  begin_stay(&here, NULL);
  stay_release_gil(&here);
  const cachecore_status status = cachecore_init(&options, &handle, &error);
  stay_take_gil(&here);
  end_stay(&here);
  if (here.raised || status != CACHECORE_OK) {
    if (!here.raised) raise_error(&error, NULL, NULL);
    cachecore_close(handle);
    return NULL;
  }
  core_object *self = (core_object *)PyType_GenericAlloc(type, 0);
  if (self == NULL) {
    cachecore_close(handle);
    return NULL;
  }
  self->handle = handle;
  self->process = current_process();
  self->find_queue = Py_NewRef(find_queue);
  return (PyObject *)self;
}

static int core_traverse(core_object *self, visitproc visit, void *arg) {
  Py_VISIT(Py_TYPE(self));
  Py_VISIT(self->loop);
  Py_VISIT(self->queue);
  Py_VISIT(self->find_queue);
  return 0;
}

static int core_clear(core_object *self) {
  Py_CLEAR(self->loop);
  Py_CLEAR(self->queue);
  Py_CLEAR(self->find_queue);
  return 0;
}

static void core_dealloc(core_object *self) {
  PyTypeObject *type = Py_TYPE(self);
  PyObject_GC_UnTrack(self);
  if (self->weak_references != NULL) PyObject_ClearWeakRefs((PyObject *)self);
  core_clear(self);
  if (self->handle != NULL) {
    PyObject *kind = NULL;
    PyObject *value = NULL;
    PyObject *trace = NULL;
    PyErr_Fetch(&kind, &value, &trace);
    close_handle(self);
    PyErr_Restore(kind, value, trace);
  }
  PyObject_GC_Del(self);
  Py_DECREF(type);
}

static PyObject *core_close(core_object *self, PyObject *unused) {
  (void)unused;
  if (self->closing == 2) Py_RETURN_NONE;
  __atomic_store_n(&self->closing, 1, __ATOMIC_RELEASE);
  if (self->process != current_process()) forget_parent(self);
  if (self->users == 0 && self->handle != NULL) close_handle(self);
  if (stays_of_this_thread(self) > 0) Py_RETURN_NONE; /* a signal handler: the call below it closes */
  while (self->closing != 2) {
    if (PyErr_CheckSignals() != 0) return NULL;
    PyThreadState *released = PyEval_SaveThread();
    const struct timespec moment = {0, 500 * 1000};
    nanosleep(&moment, NULL);
    PyEval_RestoreThread(released);
  }
  Py_RETURN_NONE;
}

static PyObject *core_reset(core_object *self, PyObject *unused) {
  (void)unused;
  stay here;
  if (!core_enter(self, &here)) return NULL;
  cachecore_error error;
  if (here.outer != NULL && stays_of_this_thread(self) > 1) {
    core_leave(&here);
    PyErr_SetString(PyExc_RuntimeError, "reset must not be called by a signal handler that interrupts a call");
    return NULL;
  }
  stay_release_gil(&here);
  const cachecore_status status = cachecore_reset(here.handle, &error);
  stay_take_gil(&here);
  self->generation++;
  core_leave(&here);
  if (status != CACHECORE_OK) {
    raise_error(&error, NULL, NULL);
    return NULL;
  }
  Py_RETURN_NONE;
}

static PyObject *core_describe(core_object *self, PyObject *unused) {
  (void)unused;
  stay here;
  if (!core_enter(self, &here)) return NULL;
  cachecore_result *result = NULL;
  cachecore_error error;
  PyObject *described = NULL;
  if (cachecore_describe(here.handle, &result, &error) == CACHECORE_OK) {
    described = value_to_python(cachecore_result_value(result), DECODE_TEXT);
  } else {
    raise_error(&error, NULL, NULL);
  }
  cachecore_result_free(result);
  core_leave(&here);
  return described;
}

static PyObject *core_load(core_object *self, PyObject *arguments) {
  const char *name = NULL;
  const char *config = NULL;
  if (!PyArg_ParseTuple(arguments, "sz", &name, &config)) return NULL;
  stay here;
  if (!core_enter(self, &here)) return NULL;
  cachecore_error error;
  stay_release_gil(&here);
  const cachecore_status status = cachecore_plugin_load(here.handle, name, config, &error);
  stay_take_gil(&here);
  core_leave(&here);
  if (status != CACHECORE_OK) {
    raise_error(&error, NULL, NULL);
    return NULL;
  }
  Py_RETURN_NONE;
}

static PyObject *core_closed(core_object *self, void *unused) {
  (void)unused;
  return PyBool_FromLong(self->handle == NULL || is_closing(self));
}

/* Looks first: in a forked child plugins are made anew at the first use. */
static PyObject *core_generation(core_object *self, void *unused) {
  (void)unused;
  return PyLong_FromLong(self->generation + (self->process != current_process()));
}

static PyMethodDef core_methods[] = {
    {"close", (PyCFunction)(void (*)(void))core_close, METH_NOARGS, "Ends every call with ClosedError and frees."},
    {"reset", (PyCFunction)(void (*)(void))core_reset, METH_NOARGS, "Drops connections and plugins' state."},
    {"describe", (PyCFunction)(void (*)(void))core_describe, METH_NOARGS, "What can be called."},
    {"load", (PyCFunction)(void (*)(void))core_load, METH_VARARGS, "load(name_or_path, config_json)"},
    {NULL, NULL, 0, NULL}};

static PyGetSetDef core_getset[] = {{"closed", (getter)(void (*)(void))core_closed, NULL, NULL, NULL},
                                    {"generation", (getter)(void (*)(void))core_generation, NULL, NULL, NULL},
                                    {NULL, NULL, NULL, NULL, NULL}};

static PyMemberDef core_members[] = {
    {"__weaklistoffset__", T_PYSSIZET, offsetof(core_object, weak_references), READONLY, NULL}, {NULL, 0, 0, 0, NULL}};

static PyType_Slot core_slots[] = {
    {Py_tp_new, core_new},
    {Py_tp_dealloc, core_dealloc},
    {Py_tp_traverse, core_traverse},
    {Py_tp_clear, core_clear},
    {Py_tp_methods, core_methods},
    {Py_tp_getset, core_getset},
    {Py_tp_members, core_members},
    {Py_tp_doc, "A handle of the library: one configured set of plugins and connections."},
    {0, NULL}};

static PyType_Spec core_spec = {"cachecore._native.Core", sizeof(core_object), 0,
                                Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC, core_slots};

int core_init_type(PyObject *module) {
  note_process();
  if (pthread_atfork(NULL, NULL, note_process) != 0) return -1;
  core_type = (PyTypeObject *)PyType_FromSpec(&core_spec);
  if (core_type == NULL) return -1;
  return PyModule_AddObjectRef(module, "Core", (PyObject *)core_type);
}
