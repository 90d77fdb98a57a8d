using System.Globalization;
using Cones.Models.Imaging;

namespace Cones.Goldens.Runners.Imaging;

/// <summary>Outputs <c>out.INPUT.FILTER</c>: the size is that of the output.</summary>
sealed class PilResizeRunner : IGoldenRunner
{
    public IReadOnlyCollection<string> Kinds => ["image-pil-resize"];

    public void Run(GoldenCase golden, GoldenResult result)
    {
        foreach (var (name, expected) in golden.Tensors.Where(t => t.Key.StartsWith("out.", StringComparison.Ordinal)))
        {
            var parts = name.Split('.');
            var image = ImageInputs.Image(golden, int.Parse(parts[1], CultureInfo.InvariantCulture));
            var filter = Enum.Parse<ResampleFilter>(parts[2], ignoreCase: true);
            result.Check(name, image.Resize((int)expected.shape[1], (int)expected.shape[0], filter).ToTensor());
        }

        result.RequireAllOutputs();
    }
}
