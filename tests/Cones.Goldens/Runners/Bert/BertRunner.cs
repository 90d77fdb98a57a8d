using Cones.Models.Bert;
using static TorchSharp.torch;

namespace Cones.Goldens.Runners.Bert;

/// <summary>BERT from ids and from word embeddings, with a padding mask or a block-diagonal one.</summary>
public sealed class BertRunner : IGoldenRunner
{
    /// <inheritdoc/>
    public IReadOnlyCollection<string> Kinds => ["bert-padding", "bert-block"];

    /// <inheritdoc/>
    public void Run(GoldenCase golden, GoldenResult result)
    {
        using var model = BertModel.FromFolder(Path.GetFullPath(golden.PathOf(golden.Json.GetProperty("model").GetString()!)));
        var mask = golden.Tensors.GetValueOrDefault("in.self_attention_mask") ?? golden.Tensors.GetValueOrDefault("in.attention_mask");
        var positions = golden.Tensors.GetValueOrDefault("in.position_ids");
        var types = golden.Tensors.GetValueOrDefault("in.token_type_ids");
        var words = golden.Tensors["in.inputs_embeds"].detach().requires_grad_();

        Compare(model.Forward(golden.Tensors["in.input_ids"], mask, positions, types));
        var output = model.ForwardFromEmbeddings(words, mask, positions, types);
        Compare(output);
        var loss = (output.LastHiddenState * golden.Tensors["in.cotangent"]).sum();
        result.Check("grad.inputs_embeds", autograd.grad([loss], [words])[0]);
        result.RequireAllOutputs();

        void Compare(BertOutput o)
        {
            for (var i = 0; i < o.HiddenStates.Count; i++)
                if (golden.Tensors.ContainsKey($"mid.hidden_states.{i}")) result.Check($"mid.hidden_states.{i}", o.HiddenStates[i]);
            result.Check("out.last_hidden_state", o.LastHiddenState);
            if (golden.Tensors.ContainsKey("out.pooler_output")) result.Check("out.pooler_output", o.PoolerOutput ?? throw new InvalidOperationException("the model gave no pooler_output"));
        }
    }
}
