using System.Text.Json;
using Cones.Goldens.Runners.Search;
using Cones.Models.GroundingDino;
using Cones.Models.GroundingDino.Losses;
using Cones.Models.GroundingDino.Text;
using Cones.Models.GroundingDino.Vision;
using Cones.Search.Optimizers;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Goldens.Runners.GroundingDino;

/// <summary>
/// Some steps of training with a frozen model: text features in place of the text encoder's (<c>cones</c>), vectors among its
/// word embeddings (<c>softprompt</c>), or an offset to its last hidden state (<c>offset</c>).
/// </summary>
sealed class FineTuneCase(GoldenCase golden, GoldenResult result, GroundingDinoModel model)
{
    // The ids that mark the places of a soft prompt's vectors.
    const int FirstContextId = 3;

    readonly Tensor _ids = golden.Tensors["in.input_ids"];
    readonly TextMasks _masks = TextMasks.FromIds(golden.Tensors["in.input_ids"]);
    readonly Tensor _parameter = golden.Tensors["in.initial"].detach().clone().requires_grad_();
    readonly IReadOnlyList<DetectionTarget> _targets = Targets.Of(golden);
    readonly string _method = golden.Json.GetProperty("method").GetString()!;

    public void Run()
    {
        var image = model.EncodeImage(golden.Tensors["in.pixel_values"], golden.Tensors.GetValueOrDefault("in.pixel_mask"));
        var json = golden.Json.GetProperty("optimizer");
        var clip = json.TryGetProperty("clip", out var limit) && limit.ValueKind == JsonValueKind.Number ? limit.GetDouble() : double.PositiveInfinity;
        using var optimizer = Optimizer.Create(GoldenOptimizer.Read(WithoutClip(json)), [new("prompt", _parameter)]);

        var losses = new List<Tensor>();
        var steps = golden.Json.GetProperty("steps").GetInt32();
        for (var step = 0; step <= steps; step++)
        {
            var output = model.Forward(image, Features(), _masks);
            var loss = new GroundingDinoLoss().Compute(output, _masks.Tokens, _targets);
            losses.Add(loss.Total.detach());
            CheckIfStored($"mid.topk.{step}", output.Proposals!.Indices);
            if (step == 0) CheckLoss("first", output, loss);
            if (step == steps) CheckLoss("final", output, loss);
            if (step == steps) break;

            var gradient = autograd.grad([loss.Total], [_parameter])[0];
            result.Check($"grad.step{step}", gradient);
            var norm = gradient.norm().item<float>();
            optimizer.Step(optimizer.Options.LearningRate, [gradient * Math.Min(clip / (norm + 1e-6), 1)]);
            CheckIfStored($"out.param.{step + 1}", _parameter);
        }

        result.Check("out.loss", stack(losses));
    }

    // [B, T, D].
    Tensor Features()
    {
        var (batch, tokens) = (_ids.shape[0], _ids.shape[1]);
        switch (_method)
        {
            case "cones":
                return _parameter.unsqueeze(0).expand(batch, -1, -1);
            case "softprompt":
                var words = model.EmbedTokens(_ids);
                for (var i = 0; i < _parameter.shape[0]; i++) words = words.where(_ids.ne(FirstContextId + i).unsqueeze(-1), _parameter[i]);
                return model.EncodeTextFromEmbeddings(words, _masks).Projected;
            case "offset":
                return model.ProjectText(model.EncodeText(_ids).Hidden + _parameter.narrow(0, 0, tokens));
            default:
                throw new NotSupportedException($"method {_method}");
        }
    }

    void CheckLoss(string when, GroundingDinoOutput output, DetectionLoss loss)
    {
        CheckIfStored($"out.logits.{when}", output.LastLogits());
        CheckIfStored($"out.pred_boxes.{when}", output.LastBoxes());
        foreach (var (name, term) in loss.Terms) CheckIfStored($"out.terms.{when}.{name}", term.reshape(1));
        foreach (var (stage, images) in loss.Matches)
            for (var i = 0; i < images.Count; i++) CheckIfStored($"out.assign.{when}.{stage}.{i}", Targets.ToTensor(images[i]));
    }

    void CheckIfStored(string name, Tensor actual)
    {
        if (golden.Tensors.ContainsKey(name)) result.Check(name, actual);
    }

    static JsonElement WithoutClip(JsonElement json) =>
        JsonSerializer.SerializeToElement(json.EnumerateObject().Where(p => p.Name != "clip").ToDictionary(p => p.Name, p => p.Value));
}
