using Cones.Models.Configuration;

namespace Cones.Models.Imaging;

/// <summary>
/// What a <c>preprocessor_config.json</c> says of the pictures a model takes. Options that a file leaves out have the
/// defaults of the model's image processor in transformers.
/// </summary>
public sealed record ImageProcessorConfig
{
    static readonly double[] s_clipMean = [0.48145466, 0.4578275, 0.40821073];
    static readonly double[] s_clipStd = [0.26862954, 0.26130258, 0.27577711];
    static readonly double[] s_imageNetMean = [0.485, 0.456, 0.406];
    static readonly double[] s_imageNetStd = [0.229, 0.224, 0.225];
    static readonly double[] s_half = [0.5, 0.5, 0.5];

    /// <summary>Whether images are resized.</summary>
    public bool DoResize { get; init; } = true;

    /// <summary>The size to resize to.</summary>
    public SizeRule Size { get; init; } = new() { ShortestEdge = 224 };

    /// <summary>The filter to resize with.</summary>
    public ResampleFilter Resample { get; init; } = ResampleFilter.Bicubic;

    /// <summary>Whether the centre is cut out.</summary>
    public bool DoCenterCrop { get; init; }

    /// <summary>The size of the centre.</summary>
    public ImageSize CropSize { get; init; } = new(224, 224);

    /// <summary>Whether pixels are multiplied by <see cref="RescaleFactor"/>.</summary>
    public bool DoRescale { get; init; } = true;

    /// <summary>The factor, mostly 1/255.</summary>
    public double RescaleFactor { get; init; } = 1.0 / 255;

    /// <summary>Whether mean and deviation are normalised.</summary>
    public bool DoNormalize { get; init; } = true;

    /// <summary>Mean of R, G, B.</summary>
    public IReadOnlyList<double> ImageMean { get; init; } = s_imageNetMean;

    /// <summary>Standard deviation of R, G, B.</summary>
    public IReadOnlyList<double> ImageStd { get; init; } = s_imageNetStd;

    /// <summary>Whether images are padded with 0 at the bottom and on the right.</summary>
    public bool DoPad { get; init; }

    /// <summary>The padded size; null means the largest height and width of the batch.</summary>
    public ImageSize? PadSize { get; init; }

    /// <summary>The defaults of <c>CLIPImageProcessor</c>.</summary>
    public static ImageProcessorConfig Clip { get; } = new() { DoCenterCrop = true, ImageMean = s_clipMean, ImageStd = s_clipStd };

    /// <summary>The defaults of <c>GroundingDinoImageProcessor</c>.</summary>
    public static ImageProcessorConfig GroundingDino { get; } = new()
    {
        Size = new SizeRule { ShortestEdge = 800, LongestEdge = 1333 },
        Resample = ResampleFilter.Bilinear,
        DoPad = true,
    };

    /// <summary>The defaults of <c>SamImageProcessor</c>.</summary>
    public static ImageProcessorConfig Sam { get; } = new()
    {
        Size = new SizeRule { LongestEdge = 1024 },
        Resample = ResampleFilter.Bilinear,
        DoPad = true,
        PadSize = new ImageSize(1024, 1024),
    };

    /// <summary>The defaults of <c>Sam3ImageProcessor</c>.</summary>
    public static ImageProcessorConfig Sam3 { get; } = new()
    {
        Size = SizeRule.Square(1008),
        Resample = ResampleFilter.Bilinear,
        ImageMean = s_half,
        ImageStd = s_half,
    };

    /// <summary>Reads a <c>preprocessor_config.json</c> of CLIP; a number as size is the shortest edge.</summary>
    /// <exception cref="ConesException">The file cannot be read or an option has no meaning; the message names it.</exception>
    public static ImageProcessorConfig ClipFromFile(string path) =>
        Read(ConfigReader.Open(path), Clip, _ => edge => new SizeRule { ShortestEdge = edge });

    /// <summary>Reads a <c>preprocessor_config.json</c> of Grounding DINO; a number as size is the shortest edge beside <c>max_size</c>.</summary>
    /// <exception cref="ConesException">As <see cref="ClipFromFile"/>.</exception>
    public static ImageProcessorConfig GroundingDinoFromFile(string path) =>
        Read(ConfigReader.Open(path), GroundingDino, json => edge => new SizeRule { ShortestEdge = edge, LongestEdge = json.Int("max_size", 1333) });

    /// <summary>Reads a <c>preprocessor_config.json</c> of SAM; a number as size is the longest edge.</summary>
    /// <exception cref="ConesException">As <see cref="ClipFromFile"/>.</exception>
    public static ImageProcessorConfig SamFromFile(string path) =>
        Read(ConfigReader.Open(path), Sam, _ => edge => new SizeRule { LongestEdge = edge });

    /// <summary>Reads a <c>preprocessor_config.json</c> of SAM 3; a number as size is height and width.</summary>
    /// <exception cref="ConesException">As <see cref="ClipFromFile"/>.</exception>
    public static ImageProcessorConfig Sam3FromFile(string path) => Read(ConfigReader.Open(path), Sam3, _ => SizeRule.Square);

    static ImageProcessorConfig Read(ConfigReader json, ImageProcessorConfig defaults, Func<ConfigReader, Func<int, SizeRule>> ofNumber)
    {
        var resample = json.Int("resample", (int)defaults.Resample);
        if (!Enum.IsDefined((ResampleFilter)resample))
            throw new ConesException($"{json.Path}: resample = {resample} is not one of Pillow's filters 0 to 5");
        return new ImageProcessorConfig
        {
            DoResize = json.Bool("do_resize", defaults.DoResize),
            Size = SizeRule.Read(json, "size", defaults.Size, ofNumber(json)),
            Resample = (ResampleFilter)resample,
            DoCenterCrop = json.Bool("do_center_crop", defaults.DoCenterCrop),
            CropSize = Fixed(json, "crop_size") ?? defaults.CropSize,
            DoRescale = json.Bool("do_rescale", defaults.DoRescale),
            RescaleFactor = json.Double("rescale_factor", defaults.RescaleFactor),
            DoNormalize = json.Bool("do_normalize", defaults.DoNormalize),
            ImageMean = Channels(json, "image_mean") ?? defaults.ImageMean,
            ImageStd = Channels(json, "image_std") is { } std
                ? std.All(s => (float)s != 0) ? std : throw new ConesException($"{json.Path}: image_std holds a 0")
                : defaults.ImageStd,
            DoPad = json.Bool("do_pad", json.Bool("pad_and_return_pixel_mask", defaults.DoPad)),
            PadSize = Fixed(json, "pad_size") ?? defaults.PadSize,
        };
    }

    static ImageSize? Fixed(ConfigReader json, string name)
    {
        if (!json.Has(name)) return null;
        var rule = SizeRule.Read(json, name, SizeRule.Square(1), SizeRule.Square);
        return rule is { Height: { } height, Width: { } width }
            ? new ImageSize(height, width)
            : throw new ConesException($"{json.Path}: {name} needs height and width");
    }

    static IReadOnlyList<double>? Channels(ConfigReader json, string name)
    {
        var values = json.Doubles(name);
        return values is null or { Count: 3 } ? values : throw new ConesException($"{json.Path}: {name} has {values.Count} numbers, 3 are needed");
    }
}
