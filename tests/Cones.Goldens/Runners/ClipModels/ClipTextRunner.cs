using Cones.Models.Clip;
using static TorchSharp.torch;

namespace Cones.Goldens.Runners.ClipModels;

/// <summary>The text tower without a mask, with one, and with fewer tokens than positions.</summary>
public sealed class ClipTextRunner : IGoldenRunner
{
    /// <inheritdoc/>
    public IReadOnlyCollection<string> Kinds => ["clip-text", "clip-text-proj"];

    /// <inheritdoc/>
    public void Run(GoldenCase golden, GoldenResult result)
    {
        using var model = ClipTextModel.FromFolder(golden.PathOf("model"));
        result.ExpectEqual(golden.Kind == "clip-text-proj", model.HasProjection, "projection");
        var ids = golden.Tensors["in.input_ids"];
        Check("", ids, mask: null);
        if (golden.Tensors.TryGetValue("in.attention_mask", out var mask)) Check("masked_", ids, mask);
        if (golden.Tensors.TryGetValue("in.input_ids_short", out var shortIds)) Check("short_", shortIds, mask: null);
        result.RequireAllOutputs();

        void Check(string variant, Tensor ids, Tensor? mask)
        {
            var embeds = model.Embed(ids).detach().requires_grad_();
            var output = model.ForwardFromEmbeddings(embeds, ids, mask);
            ClipTowerCase.Check(golden, result, variant, "token_embeds", new(embeds, output.HiddenStates, new Dictionary<string, Tensor?>
            {
                ["last_hidden_state"] = output.LastHiddenState,
                ["pooler_output"] = output.PooledOutput,
                ["text_embeds"] = output.TextEmbeds,
            }));
        }
    }
}
