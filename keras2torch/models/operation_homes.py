"""Where Keras has the class of each operation, which its files name."""

from __future__ import annotations

# Where Keras 3.15 has the classes of operations that are not in keras/src/ops/numpy.py.
_KINDS = {
    "nn": "Relu Relu6 Sigmoid SparseSigmoid Softplus Softsign SoftShrink SparsePlus "
    "Silu Squareplus LogSigmoid LeakyRelu HardSigmoid HardSilu Elu Selu Gelu Celu Glu "
    "TanhShrink HardTanh HardShrink Threshold Softmax LogSoftmax Sparsemax MaxPool "
    "AveragePool Conv DepthwiseConv SeparableConv ConvTranspose OneHot MultiHot "
    "Moments BatchNorm Normalize RMSNorm LayerNorm DotProductAttention PSNR Polar "
    "Unfold Fold DepthToSpace SpaceToDepth AdaptiveMaxPool AdaptiveAveragePool CTCLoss "
    "CTCDecode BinaryCrossentropy CategoricalCrossentropy "
    "SparseCategoricalCrossentropy",
    "math": "SegmentSum SegmentMax SegmentMin SegmentProd TopK InTopK Logsumexp CDist "
    "ExtractSequences FFT FFT2 IFFT2 RFFT IRFFT STFT ISTFT Rsqrt Erf Erfc Erfinv "
    "Logdet ViewAsComplex ViewAsReal",
    "core": "Cast SaturateCast ConvertToTensor Slice SliceUpdate Scatter ScatterUpdate "
    "StopGradient Unstack Map VectorizedMap Scan AssociativeScan Switch Cond "
    "WhileLoop ForiLoop",
    "image": "RGBToGrayscale RGBToHSV HSVToRGB Resize PadImages CropImages "
    "ExtractPatches AffineTransform PerspectiveTransform MapCoordinates GaussianBlur "
    "ElasticTransform ScaleAndTranslate SobelEdges SSIM",
    "linalg": "Norm Inv Det Cholesky CholeskyInverse Eig Eigh LuFactor Qr Solve "
    "SolveTriangular SVD Lstsq MatrixRank Pinv JVP",
    "einops": "Rearrange",
}
OPERATION_HOMES = {
    kind: home for home, kinds in _KINDS.items() for kind in kinds.split()
}
