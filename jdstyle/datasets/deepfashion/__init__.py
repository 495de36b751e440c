"""DeepFashion's Category and Attribute Prediction, to pretrain on."""
