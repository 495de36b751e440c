"""Which TensorFlow operations a product may hold: an allow-list.

What the exported networks, the decoding of photos, the fusion and the batching
of photos are made of, and plain arithmetic beside it. None of them reads or
writes a file, starts a process, opens a connection, runs Python or takes a
graph from a string. An operation that is new in the product belongs here only
if that is true of it.

What this does not promise: that a graph of them ends, takes little memory or
checks photos as ours does. A loop may run for ever, a few bytes may be tiled to
gigabytes, and TensorFlow 2.21 crashes on an animated WebP file that the graph
does not refuse. (Asked for four channels it refuses them itself, and photos
without transparency as well.)
"""

# Networks: Keras Applications and Inception-v4, with and without batch norms
# folded, and the arithmetic of thresholds, blend, relations and plausibility.
_ARITHMETIC = """
    Abs Add AddN AddV2 All Any ArgMax AvgPool BatchMatMulV2 BiasAdd BroadcastTo
    Cast Ceil ClipByValue ConcatV2 Const Conv2D Cumsum DepthwiseConv2dNative
    DivNoNan Elu Equal Erf Erfc Exp ExpandDims Fill Floor FloorDiv FloorMod
    FusedBatchNormV3 GatherNd GatherV2 Greater GreaterEqual Identity IdentityN
    IsFinite IsNan LeakyRelu Less LessEqual Log Log1p LogicalAnd LogicalNot
    LogicalOr MatMul MatrixSetDiagV3 Max Maximum MaxPool Mean Min Minimum Mul
    Neg NoOp NotEqual OneHot OnesLike Pack Pad PadV2 Pow Prod Range Rank RealDiv
    Relu Relu6 Reshape Round Rsqrt ScatterNd Select SelectV2 Shape Sigmoid Sign
    Size Slice Softmax Softplus Softsign Split SplitV Sqrt Square
    SquaredDifference Squeeze StopGradient StridedSlice Sub Sum Tanh
    TensorScatterUpdate Tile TopKV2 Transpose Unpack Where ZerosLike
"""

# Photo files to pixels.
_DECODING = """
    Assert DecodeAndCropJpeg DecodeJpeg DecodePng DecodeRaw DecodeWebP
    ExtractJpegShape ResizeArea ResizeBilinear StringLength Substr
"""

# Branches, loops and calls. The functions that they name are looked into.
_CONTROL = """
    Case EnsureShape If PartitionedCall StatefulPartitionedCall StatelessCase
    StatelessIf StatelessWhile TensorListFromTensor TensorListGetItem
    TensorListLength TensorListReserve TensorListSetItem TensorListStack While
"""

# A batch of photos as tf.data has it: only from tensors, never from files.
_DATASETS = """
    AnonymousIteratorV3 AssertCardinalityDataset BatchDatasetV2
    ConcatenateDataset DatasetCardinality DatasetToSingleElement DeleteIterator
    FilterDataset IgnoreErrorsDataset IteratorGetNext IteratorGetNextAsOptional
    IteratorGetNextSync MakeIterator MapDataset MaxIntraOpParallelismDataset
    ModelDataset OptionalFromValue OptionalGetValue OptionalHasValue
    OptionalNone OptionsDataset PaddedBatchDatasetV2 ParallelBatchDataset
    ParallelMapDataset ParallelMapDatasetV2 PrefetchDataset
    PrivateThreadPoolDataset RangeDataset ReduceDataset RepeatDataset
    TakeDataset TensorDataset TensorSliceDataset UnbatchDataset ZipDataset
"""

_VARIABLES = "ReadVariableOp"

# Of the graph itself, outside of functions: its variables, inputs and assets.
_GRAPH = "AssignVariableOp Placeholder VarHandleOp VarIsInitializedOp"

# Of the two functions with which a SavedModel saves and restores its variables.
_SAVER = """
    AssignVariableOp DisableCopyOnRead MergeV2Checkpoints RestoreV2 SaveV2
    ShardedFilename StaticRegexFullMatch StringJoin
"""

IN_FUNCTIONS = frozenset(
    (_ARITHMETIC + _DECODING + _CONTROL + _DATASETS + _VARIABLES).split()
)
IN_GRAPH = IN_FUNCTIONS | frozenset(_GRAPH.split())
# They call nothing.
IN_SAVER = frozenset((_ARITHMETIC + _VARIABLES + _SAVER).split())
