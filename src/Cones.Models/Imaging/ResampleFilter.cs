namespace Cones.Models.Imaging;

/// <summary>The filters of Pillow's <c>Image.resize</c>, under its numbers, which <c>preprocessor_config.json</c> uses.</summary>
public enum ResampleFilter
{
    /// <summary>The nearest pixel.</summary>
    Nearest = 0,

    /// <summary>Windowed sinc, three lobes.</summary>
    Lanczos = 1,

    /// <summary>Triangle.</summary>
    Bilinear = 2,

    /// <summary>Keys' cubic with a = -0.5.</summary>
    Bicubic = 3,

    /// <summary>Average of the pixels covered.</summary>
    Box = 4,

    /// <summary>Hamming window over one lobe of the sinc.</summary>
    Hamming = 5,
}
