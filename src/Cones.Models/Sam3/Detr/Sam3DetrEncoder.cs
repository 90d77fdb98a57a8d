using Cones.Models.Layers;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Models.Sam3.Detr;

/// <summary>Fuses the image with the prompt (<c>Sam3DetrEncoder</c>).</summary>
sealed class Sam3DetrEncoder : Module
{
    readonly ModuleList<Sam3EncoderLayer> _layers;

    public Sam3DetrEncoder(Sam3LayersConfig c) =>
        _layers = Add("layers", new ModuleList<Sam3EncoderLayer>(Enumerable.Range(0, c.NumLayers).Select(_ => new Sam3EncoderLayer(c))));

    /// <summary>Maps an image [B, S, C] with positions [1, S, C] and a prompt [B, L, C] to [B, S, C].</summary>
    public Tensor Forward(Tensor image, Tensor positions, Tensor prompt, Tensor? promptMask)
    {
        using var scope = NewDisposeScope();
        foreach (var layer in _layers) image = layer.FuseImage(image, positions, prompt, promptMask);
        return image.MoveToOuterDisposeScope();
    }
}
