"""A product in the formats of other runtimes: ONNX, OpenVINO, LiteRT."""
