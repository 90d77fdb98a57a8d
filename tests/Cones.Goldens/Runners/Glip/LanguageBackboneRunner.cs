using static TorchSharp.torch;

namespace Cones.Goldens.Runners.Glip;

/// <summary>Kind <c>glip-language-backbone</c>: the text encoder's features and the gradient with respect to its word table.</summary>
sealed class LanguageBackboneRunner : IGoldenRunner
{
    public IReadOnlyCollection<string> Kinds => ["glip-language-backbone"];

    public void Run(GoldenCase golden, GoldenResult result)
    {
        var layers = (int)GlipCase.Number(golden.Json.GetProperty("reference").GetString()!, @"N_LAYERS=(\d+)");
        using var model = GlipCase.Model(golden, c => c with { TextLayers = layers });
        model.SetRequiresGrad(true);
        var mask = golden.Tensors["in.attention_mask"];
        var features = model.EncodeLanguage(golden.Tensors["in.input_ids"], mask);
        result.Check("out.hidden", features.Hidden);
        result.Check("out.embedded", features.Embedded);
        result.Check("out.aggregate", features.Aggregate);
        result.Check("out.masks", mask);
        GlipCase.Cotangent(golden, [("hidden", features.Hidden), ("embedded", features.Embedded), ("aggregate", features.Aggregate)]).backward();
        result.Check("grad.word_embeddings", model.TextEncoder.WordTable.grad!);
        result.RequireAllOutputs();

        using var noGrad = no_grad();
        result.Check("out.hidden", model.EncodeText(golden.Tensors["in.input_ids"], mask));
    }
}
