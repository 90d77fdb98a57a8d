using Cones.Models.Clip;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Goldens.Runners.ClipModels;

/// <summary>
/// Kinds <c>clip-text</c> and <c>clip-text-proj</c>: hidden states, pooling and gradients with respect to the token
/// embeddings; plain, with an attention mask, and for a shorter sequence.
/// </summary>
sealed class ClipTextRunner : IGoldenRunner
{
    public IReadOnlyCollection<string> Kinds => ["clip-text", "clip-text-proj"];

    public void Run(GoldenCase golden, GoldenResult result)
    {
        using var model = ClipTextModel.FromFolder(golden.PathOf("model"));
        RunVariant(golden, result, model, "", "in.input_ids", null);
        if (golden.Tensors.TryGetValue("in.attention_mask", out var mask)) RunVariant(golden, result, model, "masked_", "in.input_ids", mask);
        if (golden.Tensors.ContainsKey("in.input_ids_short")) RunVariant(golden, result, model, "short_", "in.input_ids_short", null);
        result.RequireAllOutputs();
    }

    static void RunVariant(GoldenCase golden, GoldenResult result, ClipTextModel model, string prefix, string idsName, Tensor? mask)
    {
        var ids = golden.Tensors[idsName];
        var embeds = model.Embed(ids).detach().requires_grad_();
        var output = model.ForwardFromEmbeddings(embeds, ids, mask);
        result.Check($"out.{prefix}last_hidden_state", output.LastHiddenState);
        if (golden.Tensors.ContainsKey($"out.{prefix}pooler_output")) result.Check($"out.{prefix}pooler_output", output.PooledOutput);
        if (golden.Tensors.ContainsKey($"out.{prefix}text_embeds")) result.Check($"out.{prefix}text_embeds", output.TextEmbeds!);
        for (var i = 0; i < output.HiddenStates.Count; i++)
            if (golden.Tensors.ContainsKey($"mid.{prefix}hidden_states.{i}")) result.Check($"mid.{prefix}hidden_states.{i}", output.HiddenStates[i]);

        var hidden = golden.Tensors["in.cot_hidden"].narrow(1, 0, ids.shape[1]);
        CheckGradient("of_last", output.LastHiddenState, hidden);
        CheckGradient("of_penultimate", output.HiddenStates[^2], hidden);
        if (golden.Tensors.TryGetValue("in.cot_pooled", out var pooled)) CheckGradient("of_pooled", output.PooledOutput, pooled);
        if (golden.Tensors.TryGetValue("in.cot_embeds", out var cotangent)) CheckGradient("of_text_embeds", output.TextEmbeds!, cotangent);

        void CheckGradient(string of, Tensor value, Tensor cotangent)
        {
            var name = $"grad.{prefix}token_embeds.{of}";
            if (!golden.Tensors.ContainsKey(name)) return;
            embeds.grad?.zero_();
            (value * cotangent).sum().backward(retain_graph: true);
            result.Check(name, embeds.grad!);
        }
    }
}
