using Cones.Models.Imaging;
using Cones.Models.Tokenizers;
using TorchSharp;

namespace Cones.Goldens.Runners.GroundingDino;

/// <summary>Detections of given scores and boxes.</summary>
public sealed class PostProcessRunner : IGoldenRunner
{
    /// <inheritdoc/>
    public IReadOnlyCollection<string> Kinds => ["grounding-dino-postprocess"];

    /// <inheritdoc/>
    public void Run(GoldenCase golden, GoldenResult result)
    {
        var tokenizer = BertTokenizer.FromFolder(Path.GetFullPath(golden.PathOf(golden.Json.GetProperty("tokenizer").GetString()!)));
        var check = new DetectionsCheck(golden, result, tokenizer);
        var (logits, boxes, sizes) = (golden.Tensors["in.logits"], golden.Tensors["in.boxes"], golden.Tensors["in.sizes"]);
        for (var i = 0; i < logits.shape[0]; i++)
        {
            var size = new ImageSize((int)sizes[i, 0].item<long>(), (int)sizes[i, 1].item<long>());
            check.Run(i, logits[i], boxes[i], size, golden.Tensors["in.input_ids"][i], golden.Json.GetProperty("label_to_tokens")[i]);
        }

        result.RequireAllOutputs();
    }
}
