using Cones.Models.Glip.Detection;
using Cones.Models.Imaging;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Goldens.Runners.Glip;

/// <summary>Kind <c>glip-box-conventions</c>: COCO's boxes to GLIP's, resized and mirrored, and back.</summary>
sealed class BoxConventionsRunner : IGoldenRunner
{
    public IReadOnlyCollection<string> Kinds => ["glip-box-conventions"];

    public void Run(GoldenCase golden, GoldenResult result)
    {
        var (image, resized) = (Size("image_wh"), Size("new_wh"));
        var boxes = GlipBoxes.FromCoco(golden.Tensors["in.coco_xywh"], image);
        result.Check("out.xyxy_clipped", boxes);
        var keep = GlipBoxes.IsValid(boxes);
        result.Check("out.keep", keep.to(golden.Tensors["out.keep"].dtype));
        var kept = GlipBoxes.Resize(boxes.index_select(0, keep.nonzero().flatten()), image, resized);
        result.Check("out.resized", kept);
        result.Check("out.flipped", GlipBoxes.FlipHorizontal(kept, resized.Width));
        result.Check("out.back_to_xywh", GlipBoxes.ToCoco(GlipBoxes.Resize(kept, resized, image)));
        result.RequireAllOutputs();

        ImageSize Size(string name) => golden.Json.GetProperty(name) is var size ? new ImageSize(size[1].GetInt32(), size[0].GetInt32()) : default;
    }
}
