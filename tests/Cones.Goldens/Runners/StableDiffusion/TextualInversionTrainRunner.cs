using Cones.Models.Clip;
using Cones.Models.Weights;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Goldens.Runners.StableDiffusion;

/// <summary>
/// Kind <c>ti-train</c>: some steps of textual inversion. Only the placeholder's rows are optimised; the reference optimises
/// the whole table and restores the other rows, which comes to the same.
/// </summary>
sealed class TextualInversionTrainRunner : IGoldenRunner
{
    public IReadOnlyCollection<string> Kinds => ["ti-train"];

    public void Run(GoldenCase golden, GoldenResult result)
    {
        using var training = new TrainingCase(golden);
        using var encoder = ClipTextModel.FromFolder(golden.PathOf("text_encoder"), new LoadOptions { Type = TrainingCase.Type });
        var placeholders = golden.Params.GetProperty("placeholder_ids").EnumerateArray().Select(i => i.GetInt64()).ToArray();
        var placeholderRows = tensor(placeholders);
        var table = encoder.TokenTable.detach().clone(); // [V, D]
        var rows = table.index_select(0, placeholderRows).requires_grad_(); // [n, D]
        using var optimizer = training.CreateOptimizer(new KeyValuePair<string, Tensor>("pseudo_word", rows));

        List<Tensor> losses = [], values = [];
        for (var step = 0; step < training.Steps; step++)
        {
            var ids = golden.Tensors["in.input_ids"][step]; // [B, T]
            // The whole table is differentiated once, to be compared with the reference's dense gradient.
            var current = table.index_copy(0, placeholderRows, rows.detach()).requires_grad_();
            var embeddings = current.index_select(0, ids.flatten()).reshape([.. ids.shape, table.shape[1]]); // [B, T, D]
            var prompt = encoder.ForwardFromEmbeddings(embeddings, ids).LastHiddenState;
            var (loss, _, prediction, _) = training.Loss(step, prompt, null);
            var gradient = autograd.grad([loss], [current])[0]; // [V, D]
            if (step == 0)
            {
                ConesTrainRunner.CheckIfStored(golden, result, "grad.embedding_matrix_step1", gradient);
                ConesTrainRunner.CheckIfStored(golden, result, "mid.encoder_hidden_states_step1", prompt);
                ConesTrainRunner.CheckIfStored(golden, result, "mid.pred_step1", prediction);
            }

            losses.Add(loss.detach());
            optimizer.Step(optimizer.Options.LearningRate, [gradient.index_select(0, placeholderRows)]);
            values.Add(rows.detach().clone());
        }

        result.Check("out.losses", stack(losses));
        result.Check("out.placeholder_rows", stack(values));
        result.Check("out.embedding_matrix_final", table.index_copy(0, placeholderRows, rows.detach()));
        result.RequireAllOutputs();
    }
}
