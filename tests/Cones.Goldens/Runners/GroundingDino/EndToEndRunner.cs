using Cones.Models.GroundingDino;
using Cones.Models.Imaging;
using Cones.Models.Tokenizers;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Goldens.Runners.GroundingDino;

/// <summary>From an image file and a caption to detections.</summary>
public sealed class EndToEndRunner : IGoldenRunner
{
    /// <inheritdoc/>
    public IReadOnlyCollection<string> Kinds => ["grounding-dino-e2e-caption"];

    /// <inheritdoc/>
    public void Run(GoldenCase golden, GoldenResult result)
    {
        var folder = golden.PathOf(golden.Json.GetProperty("model").GetString()!);
        using var model = GroundingDinoModel.FromFolder(folder);
        var tokenizer = BertTokenizer.FromFolder(folder);
        var image = RgbImage.Load(golden.PathOf("image.png"));
        var batch = new ImageProcessor(ImageProcessorConfig.GroundingDinoFromFile(Path.Combine(folder, "preprocessor_config.json"))).Preprocess(image);
        result.Check("mid.pixel_values_pil", batch.PixelValues);

        var caption = golden.Json.GetProperty("caption").GetString()!;
        var texts = tokenizer.TokenizeBatch([caption]);
        var ids = texts.Ids();
        result.Check("out.input_ids", ids);
        result.Check("out.attention_mask", texts.AttentionMask());
        result.Check("out.token_type_ids", zeros_like(ids));

        // The pixels of the reference's other resampling.
        using var noGrad = no_grad();
        var features = model.EncodeImage(golden.Tensors["in.pixel_values"], golden.Tensors["in.pixel_mask"]);
        var text = model.EncodeText(ids, texts.AttentionMask());
        var output = model.Forward(features, text.Projected, text.Masks);
        var logits = GroundingDinoOutput.Pad(output.LastLogits(), model.Config.MaxTextLen);
        result.Check("out.text_features", text.Projected);
        result.Check("out.logits", logits);
        result.Check("out.pred_boxes", output.LastBoxes());
        result.Check("out.enc_topk_indices", output.Proposals!.Indices);
        new DetectionsCheck(golden, result, tokenizer).Run(0, logits[0], output.LastBoxes()[0], image.Size, ids[0], golden.Json.GetProperty("label_to_tokens"));
        result.RequireAllOutputs();
    }
}
