/* module.c: the module `cachecore._native`. */
#include "native.h"

static PyObject *json_encode(PyObject *module, PyObject *object) {
  (void)module;
  call_arguments args;
  arguments_init(&args);
  cachecore_value value;
  cachecore_result *result = NULL;
  cachecore_error error;
  PyObject *text = NULL;
  if (value_from_python(&args, object, &value)) {
    if (cachecore_json_encode(&value, &result, &error) == CACHECORE_OK) {
      text = value_to_python(cachecore_result_value(result), DECODE_TEXT);
    } else {
      raise_error(&error, NULL, NULL);
    }
  }
  cachecore_result_free(result);
  arguments_clear(&args);
  return text;
}

static PyObject *json_decode(PyObject *module, PyObject *arguments) {
  (void)module;
  const char *text = NULL;
  Py_ssize_t size = 0;
  int decode = 0;
  if (!PyArg_ParseTuple(arguments, "s#i", &text, &size, &decode)) return NULL;
  cachecore_result *result = NULL;
  cachecore_error error;
  if (cachecore_json_decode(text, (size_t)size, &result, &error) != CACHECORE_OK) {
    raise_error(&error, NULL, NULL);
    return NULL;
  }
  PyObject *value = value_to_python(cachecore_result_value(result), (enum decoding)decode);
  cachecore_result_free(result);
  return value;
}

static PyObject *status_name(PyObject *module, PyObject *number) {
  (void)module;
  const long status = PyLong_AsLong(number);
  if (status == -1 && PyErr_Occurred()) return NULL;
  return PyUnicode_FromString(cachecore_status_name((cachecore_status)status));
}

static PyMethodDef functions[] = {
    {"json_encode", json_encode, METH_O, "A value as JSON text, as the plugins store it."},
    {"json_decode", json_decode, METH_VARARGS, "json_decode(text, decode)"},
    {"status_name", status_name, METH_O, "The name of a status."},
    {NULL, NULL, 0, NULL}};

static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT, "cachecore._native", NULL, -1, functions, NULL, NULL, NULL, NULL};

PyMODINIT_FUNC PyInit__native(void) {
  PyObject *module = PyModule_Create(&definition);
  if (module == NULL) return NULL;
  if (values_init(module) != 0 || errors_init(module) != 0 || core_init_type(module) != 0 ||
      method_init_type(module) != 0 || queue_init_type(module) != 0 || operation_init_type(module) != 0 ||
      stream_init_type(module) != 0 || PyModule_AddStringConstant(module, "version", cachecore_version()) != 0) {
    Py_DECREF(module);
    return NULL;
  }
  return module;
}
