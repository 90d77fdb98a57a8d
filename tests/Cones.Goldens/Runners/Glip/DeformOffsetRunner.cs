using Cones.Models.Glip.Head;
using Cones.Models.Layers;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Goldens.Runners.Glip;

/// <summary>Kind <c>glip-deform-offset-quirk</c>: deformable convolutions with offsets of a larger map's memory, and their plain uses.</summary>
sealed class DeformOffsetRunner : IGoldenRunner
{
    public IReadOnlyCollection<string> Kinds => ["glip-deform-offset-quirk"];

    public void Run(GoldenCase golden, GoldenResult result)
    {
        foreach (var trainable in (bool[])[false, true])
        {
            var predicted = golden.Tensors["in.offset_mask"].clone().requires_grad_();
            var coarse = golden.Tensors["in.coarse"].clone().requires_grad_();
            var sampling = DeformableSampling.Split(predicted);
            var output = Convolve(coarse, 1);
            result.Check("out.coarse", output);
            result.Check("out.same", Convolve(golden.Tensors["in.same"], 1));
            result.Check("out.fine", Convolve(golden.Tensors["in.fine"], 2));
            GlipCase.Cotangent(golden, [("coarse", output)]).backward();
            result.Check("grad.coarse", coarse.grad!);
            result.Check("grad.offset_mask", predicted.grad!);

            Tensor Convolve(Tensor x, int stride)
            {
                var weight = golden.Tensors["in.weight"];
                var convolution = new DeformableConv2d(weight.shape[1], weight.shape[0], stride);
                foreach (var (name, w) in convolution.NamedWeights()) w.Assign(golden.Tensors[$"in.{name}"].clone());
                convolution.SetRequiresGrad(trainable);
                return convolution.Forward(x, sampling.Offsets, sampling.Mask);
            }
        }

        result.RequireAllOutputs();
    }
}
