"""Any ONNX file: from PyTorch, from tf2onnx, from Keras, made by hand."""
