using Cones.Models.Glip;
using Cones.Models.Glip.Detection;
using Cones.Models.Glip.Text;
using Cones.Models.Imaging;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Goldens.Runners.Glip;

/// <summary>Kind <c>glip-end-to-end</c>: an image file and a caption to detections, from every format of the weights.</summary>
sealed class EndToEndRunner : IGoldenRunner
{
    public IReadOnlyCollection<string> Kinds => ["glip-end-to-end"];

    public void Run(GoldenCase golden, GoldenResult result)
    {
        var folder = GlipCase.ModelFolder(golden);
        foreach (var weights in Directory.EnumerateFiles(folder, "model.*").Where(f => Path.GetExtension(f) is ".pth" or ".safetensors"))
        {
            using var model = GlipModel.FromFile(weights);
            Compare(golden, result, model);
        }
    }

    static void Compare(GoldenCase golden, GoldenResult result, GlipModel model)
    {
        using var noGrad = no_grad();
        var image = RgbImage.Load(golden.PathOf("image.png"));
        string[] names = [.. golden.Json.GetProperty("class_names").EnumerateArray().Select(n => n.GetString()!)];
        var caption = ((GlipCaption[])[GlipCaption.FromClasses(names, model.Config.Separator), GlipCaption.Demo(names)])
            .FirstOrDefault(c => c.Text == golden.Json.GetProperty("caption").GetString()) ?? GlipCaption.FromClasses(names, model.Config.Separator);
        result.ExpectEqual(golden.Json.GetProperty("caption").GetString(), caption.Text, "caption");
        result.ExpectEqual(GlipCase.Size(golden, "original_hw"), image.Size, "original size");

        var processor = new GlipImageProcessor(model.Config.Input);
        var batch = processor.Preprocess(image);
        result.ExpectEqual(GlipCase.Size(golden, "resized_hw"), batch.ReshapedSizes[0], "resized size");
        CheckIfThere("mid.resized_rgb", processor.Resize(image).ToTensor());
        CheckIfThere("mid.image", batch.PixelValues);

        var text = model.EncodeText([caption], padToMax: true);
        CheckIfThere("in.attention_mask", text.Mask);
        if (golden.Tensors.TryGetValue("in.input_ids", out var ids)) CheckIfThere("mid.hidden", model.EncodeLanguage(ids, text.Mask).Hidden);
        result.ExpectSequence(GlipCase.Classes(golden.Json.GetProperty("label_to_tokens")).SelectMany(c => c), text.Tokens[0].Classes.SelectMany(c => c), "tokens of the classes");
        var levels = model.EncodeImage(batch.PixelValues);
        GlipCase.CheckLevels(golden, result, "mid.fpn", levels);
        GlipCase.CheckOutputs(golden, result, model.Forward(levels, text.Hidden, text.Mask), "mid");
        GlipCase.CheckDetections(golden, result, model.Detect(image, caption));

        void CheckIfThere(string name, Tensor actual)
        {
            if (golden.Tensors.ContainsKey(name)) result.Check(name, actual);
        }
    }
}
