"""From a photo's bytes to its pixels, on Pillow's side and TensorFlow's."""
