using Cones.Models.Layers;

namespace Cones.Models.Sam3.Vision;

/// <summary>Transformer and neck under the keys <c>vision_encoder.</c> (<c>Sam3VisionModel</c>).</summary>
sealed class Sam3VisionEncoder : Module
{
    public Sam3VisionEncoder(Sam3VisionConfig c)
    {
        Backbone = Add("backbone", new Sam3ViT(c.Backbone));
        Neck = Add("neck", new Sam3Neck(c));
    }

    public Sam3ViT Backbone { get; }

    public Sam3Neck Neck { get; }
}
