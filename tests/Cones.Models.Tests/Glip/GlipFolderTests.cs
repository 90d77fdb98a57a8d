using Cones.Models.Glip;
using Cones.Models.Glip.Configuration;
using Cones.Models.Glip.Text;
using Cones.Models.Imaging;
using Cones.Models.Weights;
using TorchSharp;
using static Cones.Models.Tests.Glip.GlipTestModels;
using static TorchSharp.torch;

namespace Cones.Models.Tests.Glip;

public sealed class GlipFolderTests : IDisposable
{
    readonly DisposeScope _scope = NewDisposeScope();
    readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("glip");

    public void Dispose()
    {
        _scope.Dispose();
        _folder.Delete(recursive: true);
    }

    [Fact]
    public void Both_formats_hold_the_same_weights()
    {
        using var torchFile = GlipModel.FromFile(Path.Combine(FusedFolder, "model.pth"));
        using var safetensors = GlipModel.FromFolder(FusedFolder);
        Assert.NotNull(torchFile.Tokenizer);
        Assert.All(torchFile.NamedWeights().Zip(safetensors.NamedWeights()), p =>
        {
            Assert.Equal(p.First.Key, p.Second.Key);
            Assert.True(p.First.Value.Value.eq(p.Second.Value.Value).all().item<bool>(), p.First.Key);
            Assert.False(p.First.Value.Value.requires_grad);
        });
    }

    [Fact]
    public void A_lone_file_loads_by_its_shapes_but_cannot_read_text()
    {
        var path = Copy("model.pth");
        using var model = GlipModel.FromFile(path);
        Assert.Equal((32, 2, 5), (model.Config.Head.Channels, model.Config.Head.Layers, model.Config.Swin.WindowSize));
        var message = Assert.Throws<ConesException>(() => model.EncodeText([GlipCaption.FromClasses(["cat"])])).Message;
        Assert.Contains("vocab.txt", message);
    }

    [Fact]
    public void A_published_yaml_file_beside_the_weights_is_read()
    {
        Copy("model.pth");
        File.WriteAllText(Path.Combine(_folder.FullName, "glip.yaml"), "MODEL:\n  RPN_ARCHITECTURE: \"VLDYHEAD\"\n  DYHEAD:\n    NUM_CONVS: 3\n");
        Assert.Contains("missing", Assert.Throws<ConesException>(() => GlipModel.FromFolder(_folder.FullName)).Message);
        File.WriteAllText(Path.Combine(_folder.FullName, "other.yml"), "MODEL:\n  WEIGHT: \"\"\n");
        Assert.Contains("glip.yaml, other.yml", Assert.Throws<ConesException>(() => GlipModel.FromFolder(_folder.FullName)).Message);
    }

    [Fact]
    public void A_vocabulary_larger_than_the_model_is_refused()
    {
        Copy("model.pth");
        File.WriteAllLines(Path.Combine(_folder.FullName, "vocab.txt"), [.. File.ReadLines(Path.Combine(FusedFolder, "vocab.txt")), "more"]);
        var message = Assert.Throws<ConesException>(() => GlipModel.FromFolder(_folder.FullName)).Message;
        Assert.Contains("99 tokens", message);
        Assert.Contains("98", message);
    }

    [Fact]
    public void Prompt_tuning_begins_with_zeros_and_its_result_loads_without_being_asked_for()
    {
        var config = GlipConfig.FromFile(Path.Combine(FusedFolder, "glip_config.json"));
        using var begun = GlipModel.FromFile(Path.Combine(FusedFolder, "model.pth"), config with { Head = config.Head with { HasPromptOffset = true } });
        Assert.Equal([1000, 24], begun.PromptOffset!.shape);
        Assert.False(begun.PromptOffset.ne(0).any().item<bool>());

        begun.PromptOffset.fill_(0.5);
        var path = Path.Combine(_folder.FullName, "tuned.safetensors");
        SafetensorsWriter.Write(path, begun.NamedWeights().ToDictionary(w => $"module.{w.Key}", w => w.Value.Value.contiguous()));
        using var tuned = GlipModel.FromFile(path, config);
        Assert.True(tuned.PromptOffset!.eq(0.5).all().item<bool>());
    }

    [Fact]
    public void Other_weights_are_refused()
    {
        var path = Golden("clip/model-contrastive/model/model.safetensors");
        Assert.Contains("is no GLIP model", Assert.Throws<ConesException>(() => GlipModel.FromFile(path)).Message);
    }

    [Fact]
    public void Detections_come_in_the_image_given_and_leave_no_tensor()
    {
        using var model = GlipModel.FromFolder(FusedFolder);
        var image = RgbImage.Load(Golden("glip/15_end_to_end/image.png"));
        var caption = GlipCaption.FromClasses(["cat", "remote control"]);
        model.Detect(image, caption); // layers keep other forms of their weights
        var live = DisposeScopeManager.Statistics.ThreadTotalLiveCount;
        var detections = model.Detect(image, caption);
        Assert.Equal(live, DisposeScopeManager.Statistics.ThreadTotalLiveCount);
        Assert.NotEmpty(detections);
        Assert.All(detections, d => Assert.True(d.X2 <= image.Width && d.Y2 <= image.Height && d.Label is 1 or 2));
    }

    string Copy(string file)
    {
        var path = Path.Combine(_folder.FullName, file);
        File.Copy(Path.Combine(FusedFolder, file), path);
        return path;
    }
}
