using Cones.Models.Layers;
using Cones.Models.Native;
using Cones.Models.StableDiffusion.UNet;
using Cones.Prompts;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Bench.Generation;

/// <summary>Steps of a concept search on one random batch, without what surrounds them: data, evaluations, files.</summary>
sealed class ConceptSteps : IDisposable
{
    readonly UNet2DConditionModel _unet;
    readonly int _batch;
    readonly Tensor _latent;
    readonly Tensor _noise;
    readonly Tensor _timestep = tensor(new[] { 500L });
    readonly TemplateEncodings _templates;
    readonly ConceptPrompt _concept;
    readonly FreedMemoryBound _memory = FreedMemoryBound.OfProcess();

    /// <param name="unet">The denoiser, frozen.</param>
    /// <param name="side">The side of the latents.</param>
    /// <param name="batch">Pictures a step.</param>
    /// <param name="tokens">The length of a prompt.</param>
    public ConceptSteps(UNet2DConditionModel unet, int side, int batch, int tokens)
    {
        (_unet, _batch) = (unet, batch);
        using var generator = new Generator(2);
        _latent = randn([batch, unet.Config.InChannels, side, side], generator: generator);
        _noise = randn([batch, unet.Config.OutChannels, side, side], generator: generator);
        _templates = new TemplateEncodings(
            ["a photo of {}"], randn([1, tokens, unet.Config.CrossAttentionDim], generator: generator), tensor(new[] { 5L }).reshape(1, 1), null);
        _concept = new ConceptPrompt(_templates, _templates.MeanSlotVectors(), null, new ConceptPromptOptions());
    }

    /// <summary>One step of the concept.</summary>
    /// <returns>Whether freed memory was given back after it.</returns>
    public bool Step() => Step(_concept);

    /// <summary>One step of another prompt on the same batch.</summary>
    /// <returns>Whether freed memory was given back after it.</returns>
    public bool Step(IPrompt prompt)
    {
        Search(prompt);
        return _memory.StepEnded();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _concept.Dispose();
        _templates.Dispose();
        _timestep.Dispose();
        _noise.Dispose();
        _latent.Dispose();
    }

    void Search(IPrompt prompt)
    {
        using var scope = NewDisposeScope();
        var states = new CrossAttentionStates(prompt.Build(new int[_batch]).Embeddings);
        var loss = nn.functional.mse_loss(_unet.Forward(_latent, _timestep, states), _noise);
        OneTimeGraph.Backward(loss);
        using var noGrad = no_grad();
        foreach (var (_, parameter) in prompt.Parameters)
        {
            parameter.sub_(parameter.grad! * 1e-3);
            parameter.grad!.zero_();
        }
    }
}
