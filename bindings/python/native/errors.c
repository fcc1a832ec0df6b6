/* errors.c: from a cachecore_error to the exceptions of cachecore.errors.
 *
 * The classes and what they say are Python code; here is only the way there. Thread rule: the GIL.
 */
#include "native.h"

static PyObject *make; /* cachecore.errors.make_error, imported at the first error */

static bool find_make(void) {
  if (make != NULL) return true;
  PyObject *module = PyImport_ImportModule("cachecore.errors");
  if (module == NULL) return false;
  make = PyObject_GetAttrString(module, "make_error");
  Py_DECREF(module);
  return make != NULL;
}

/* The library cuts texts at whole characters; what a server says may be anything. */
static PyObject *text_of(const char *text) {
  return PyUnicode_DecodeUTF8(text == NULL ? "" : text, (Py_ssize_t)(text == NULL ? 0 : strlen(text)), "replace");
}

PyObject *make_error_of(cachecore_status status, const char *code, const char *message, PyObject *operation,
                        PyObject *key) {
  if (!find_make()) return NULL;
  PyObject *number = PyLong_FromLong(status);
  PyObject *code_text = text_of(code);
  PyObject *message_text = text_of(message);
  PyObject *made = NULL;
  if (number != NULL && code_text != NULL && message_text != NULL) {
    made = PyObject_CallFunctionObjArgs(make, number, message_text, code_text, operation == NULL ? Py_None : operation,
                                        key == NULL ? Py_None : key, NULL);
  }
  Py_XDECREF(number);
  Py_XDECREF(code_text);
  Py_XDECREF(message_text);
  return made;
}

PyObject *make_error(const cachecore_error *error, PyObject *operation, PyObject *key) {
  return make_error_of(error->status, error->server_code, error->message, operation, key);
}

void raise_error(const cachecore_error *error, PyObject *operation, PyObject *key) {
  PyObject *made = make_error(error, operation, key);
  if (made == NULL) return;
  PyErr_SetObject((PyObject *)Py_TYPE(made), made);
  Py_DECREF(made);
}

/* The others are about the program, and hiding them would hide that nothing ever works. */
bool may_be_absorbed(cachecore_status status) {
  switch (status) {
    case CACHECORE_INVALID_ARGUMENT:
    case CACHECORE_INVALID_STATE:
    case CACHECORE_NO_METHOD:
    case CACHECORE_NO_PLUGIN:
    case CACHECORE_CLOSED:
    case CACHECORE_CANCELLED:
      return false;
    default:
      return status < 0;
  }
}

int errors_init(PyObject *module) {
  static const struct {
    const char *name;
    int value;
  } statuses[] = {{"OK", CACHECORE_OK},
                  {"NOT_FOUND", CACHECORE_NOT_FOUND},
                  {"INVALID_ARGUMENT", CACHECORE_INVALID_ARGUMENT},
                  {"INVALID_STATE", CACHECORE_INVALID_STATE},
                  {"FORKED", CACHECORE_FORKED},
                  {"CLOSED", CACHECORE_CLOSED},
                  {"NO_METHOD", CACHECORE_NO_METHOD},
                  {"NO_PLUGIN", CACHECORE_NO_PLUGIN},
                  {"INCOMPATIBLE", CACHECORE_INCOMPATIBLE},
                  {"TIMEOUT", CACHECORE_TIMEOUT},
                  {"CANCELLED", CACHECORE_CANCELLED},
                  {"UNAVAILABLE", CACHECORE_UNAVAILABLE},
                  {"UNCERTAIN", CACHECORE_UNCERTAIN},
                  {"REJECTED", CACHECORE_REJECTED},
                  {"DENIED", CACHECORE_DENIED},
                  {"CONFLICT", CACHECORE_CONFLICT},
                  {"BUSY", CACHECORE_BUSY},
                  {"CORRUPT", CACHECORE_CORRUPT},
                  {"LOADER_FAILED", CACHECORE_LOADER_FAILED},
                  {"NO_MEMORY", CACHECORE_NO_MEMORY},
                  {"INTERNAL", CACHECORE_INTERNAL}};
  for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++) {
    if (PyModule_AddIntConstant(module, statuses[i].name, statuses[i].value) != 0) return -1;
  }
  return 0;
}
