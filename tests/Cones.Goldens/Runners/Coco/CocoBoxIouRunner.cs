using Cones.Data;
using Cones.Evaluation.Coco;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Goldens.Runners.Coco;

/// <summary>Overlaps of boxes, with crowds.</summary>
sealed class CocoBoxIouRunner : IGoldenRunner
{
    // Stands for 0/0 in the files.
    const double Undefined = -2;

    public IReadOnlyCollection<string> Kinds { get; } = ["coco-box-iou"];

    public void Run(GoldenCase golden, GoldenResult result)
    {
        var (detections, truths) = (Boxes(golden.Tensors["in.dt"]), Boxes(golden.Tensors["in.gt"]));
        var crowd = golden.Tensors["in.iscrowd"].data<long>().Select(c => c != 0).ToArray();
        var overlaps = CocoOverlap.Boxes(detections, truths, crowd).Select(o => double.IsNaN(o) ? Undefined : o).ToArray();
        result.Check("out.iou", tensor(overlaps).reshape(detections.Length, truths.Length));
        result.RequireAllOutputs();
    }

    static BoundingBox[] Boxes(Tensor boxes)
    {
        var values = boxes.to(ScalarType.Float64).data<double>().ToArray();
        return [.. values.Chunk(4).Select(b => new BoundingBox(b[0], b[1], b[2], b[3]))];
    }
}
