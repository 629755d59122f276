"""The metrics of images and of sets of images, as tables print them."""

from bench.metrics.networks import SMALLEST
from bench.stats.metric import Metric

_ENLARGED = (
    f"images with a side below {SMALLEST} px are enlarged to {SMALLEST} px (bilinear); "
    "grey is repeated to three channels"
)
_EIGHT_BIT = "reconstruction rounded to 8 bit, as papers that measure saved PNG files"
INCEPTION = {
    "legacy_pytorch": "FID Inception of 2015 as in pytorch-fid (legacy_pytorch: bilinear to 299 px, "
    "not antialiased), float images",
    "clean": "FID Inception of 2015 as in clean-fid (clean: antialiased bicubic to 299 px), float images",
}
"""Mode of the features -> the note that tables give of it."""
_LEGACY = INCEPTION["legacy_pytorch"]

METRICS: dict[str, Metric] = {
    "psnr": Metric("PSNR", 2, True, "dB; mean over images of the PSNR of each, data range 1 on [0, 1]"),
    "ssim": Metric(
        "SSIM", 3, True, "Gaussian window 11 px, std 1.5 px; data range 1 on [0, 1]; mean over channels"
    ),
    "lpips": Metric("LPIPS", 3, False, f"v0.1, AlexNet, input in [-1, 1]; {_ENLARGED}"),
    "lpips_vgg": Metric("LPIPS-VGG", 3, False, f"v0.1, VGG16, input in [-1, 1]; {_ENLARGED}"),
    "top1": Metric(
        "top-1 %",
        1,
        True,
        "accuracy of torchvision's ResNet-50 IMAGENET1K_V1 against the ImageNet label, in per cent; "
        "the whole image, normalised, without the classifier's usual crop to 224 px",
        scale=100.0,
    ),
    "misfit": Metric(
        "misfit",
        2,
        None,
        "||A x - y|| / (sigma sqrt(m)) over the m measured entries; 1 is the noise; x not clipped",
    ),
    "residual": Metric(
        "residual", 4, None, "||A x - y|| / sqrt(m) over the m measured entries, in units of y; x not clipped"
    ),
    "fid": Metric("FID", 2, False, f"{_LEGACY}; biased upwards below 2048 images"),
    "kid": Metric("KID x 1000", 2, False, f"unbiased; {_LEGACY}", scale=1000.0),
    "psnr_quantised": Metric("PSNR (8 bit)", 2, True, f"as PSNR; {_EIGHT_BIT}"),
    "ssim_full": Metric(
        "SSIM (full map)",
        3,
        True,
        "as SSIM, but the mean over all pixels; beyond the border the image is reflected",
    ),
    "ssim_quantised": Metric("SSIM (8 bit)", 3, True, f"as SSIM; {_EIGHT_BIT}"),
    "lpips_quantised": Metric("LPIPS (8 bit)", 3, False, f"as LPIPS; {_EIGHT_BIT}"),
}
