using Cones.Models.Imaging;

namespace Cones.Cli.Tests;

/// <summary>The errors that a new user is likely to make: one sentence that names file and remedy, exit code 2, nothing lost.</summary>
public sealed class UserErrorTests : IDisposable
{
    static readonly string s_images = Path.Combine(TestFiles.Root, "samples", "generation", "tomato");
    readonly TestFiles _files = new();

    [Theory]
    [InlineData("a number of steps", "at least 1", "--steps", "-5")]
    [InlineData("a batch", "--batch", "--batch", "0")]
    [InlineData("slots", "--slots", "--slots", "-1")]
    [InlineData("a norm", "--norm-bound", "--norm-bound", "-1")]
    [InlineData("a rate", "learning rate is -1", "--lr", "-1")]
    [InlineData("a rate that is none", "learning rate is NaN", "--lr", "NaN")]
    [InlineData("a name", "name is empty", "--name", "")]
    [InlineData("a name of two words", "white space", "--name", "my dog")]
    [InlineData("a name that is a word", "<lemon>", "--name", "lemon")]
    [InlineData("words", "too long", "--init", "a very long description of a thing that has many more words than fit into any of the prompts of this small model at all")]
    [InlineData("no words", "--init", "--init", " ")]
    [InlineData("a kind", "--init-kind", "--init-kind", "magic")]
    [InlineData("a method", "--method", "--method", "magic")]
    [InlineData("a rule", "--rule", "--rule", "nowhere")]
    [InlineData("a schedule", "--schedule", "--schedule", "magic")]
    [InlineData("an optimiser", "adamw, adam, sgd", "--optimizer", "magic")]
    [InlineData("a stop", "--early-stop", "--early-stop", "magic")]
    [InlineData("timesteps", "--timesteps", "--timesteps", "magic")]
    [InlineData("a device", "--device", "--device", "gpu")]
    [InlineData("a precision", "--precision", "--precision", "int4")]
    [InlineData("a model", "no-such/model", "--model", "no-such/model")]
    [InlineData("a model that is a file", "not a text-to-image model", "--model", "models/mini-clip")]
    [InlineData("masks", "no-such-masks", "--masks", "no-such-masks")]
    [InlineData("templates", "no-such.txt", "--templates", "no-such.txt")]
    [InlineData("a start", "no-such.concept", "--start", "no-such.concept")]
    [InlineData("a resolution", "multiple of 4", "--resolution", "63")]
    [InlineData("an evaluation batch", "--evaluation-batch", "--evaluation-batch", "0")]
    public void A_search_refuses(string what, string part, params string[] arguments)
    {
        Assert.NotEmpty(what);
        arguments = [.. arguments.Select(a => a == "models/mini-clip" ? TestFiles.Clip : a)];
        var output = _files.PathOf("a.concept.safetensors");
        string[] init = arguments[0] == "--init" ? [] : ["--init", "red apple"];
        string[] name = arguments[0] == "--name" ? [] : ["--name", "<x>"];
        Cli.Run([.. (string[])["search", "generation", "--images", s_images, "-o", output, "--no-previews"], .. init, .. name, .. arguments]).MustRefuse(part);
        Assert.False(File.Exists(output));
    }

    [Fact]
    public void A_search_without_usable_pictures_is_refused()
    {
        Search("no-such-folder").MustRefuse("no-such-folder", "--images");
        var folder = Directory.CreateDirectory(_files.PathOf("pictures")).FullName;
        Search(folder).MustRefuse(folder, ".png");
        var picture = Path.Combine(folder, "a.png");
        File.WriteAllText(picture, "no picture");
        Search(folder).MustRefuse(picture, "not a PNG");
        File.WriteAllBytes(picture, []);
        Search(folder).MustRefuse(picture, "empty");
        var whole = File.ReadAllBytes(Directory.GetFiles(s_images, "*.png")[0]);
        File.WriteAllBytes(picture, whole[..(whole.Length / 2)]);
        Search(folder).MustRefuse(picture, "cut off");
        File.WriteAllBytes(picture, Huge());
        Search(folder).MustRefuse(picture, "pixels", "smaller");
        File.WriteAllBytes(picture, whole);
        File.WriteAllText(Path.Combine(folder, "a.txt"), "a tomato");
        Search(folder).MustRefuse("a.txt", "{}");
    }

    [Fact]
    public void Masks_must_be_there_fit_and_show_something()
    {
        var masks = Directory.CreateDirectory(_files.PathOf("masks")).FullName;
        Search(s_images, "--masks", masks).MustRefuse("has no mask for", ".png");
        foreach (var image in Directory.GetFiles(s_images, "*.png")) RgbImage.Filled(8, 8, new Rgb(255, 255, 255)).Save(Path.Combine(masks, Path.GetFileName(image)));
        Search(s_images, "--masks", masks).MustRefuse("8 x 8", "alike");
        foreach (var image in Directory.GetFiles(s_images, "*.png")) RgbImage.Filled(128, 128, new Rgb(0, 0, 0)).Save(Path.Combine(masks, Path.GetFileName(image)));
        Search(s_images, "--masks", masks).MustRefuse("empty", "white");
    }

    [Fact]
    public void An_output_that_cannot_be_written_is_found_before_the_work()
    {
        string[] missing = ["-o", _files.PathOf("none/a.concept.safetensors")];
        Search(s_images, missing).MustRefuse("folder does not exist");
        Assert.False(Directory.Exists(_files.PathOf("none")));
        Search(s_images, "-o", _files.Folder).MustRefuse("is a folder", "--output");
        Search(s_images, "-o", _files.PathOf("a.safetensors")).MustRefuse(".concept.safetensors", "--output");
        Cli.Run("generate", "a lemon", "-o", _files.PathOf("none/a.png")).MustRefuse("folder does not exist");
        Cli.Run("generate", "a lemon", "-o", _files.PathOf("a.bmp")).MustRefuse(".png", "--output");
        Cli.Run("generate", "a lemon", "-o", _files.Folder).MustRefuse("is a folder");
    }

    [Fact]
    public void A_run_folder_that_is_in_use_or_a_file_is_refused()
    {
        var run = _files.PathOf("a.run");
        using (Cones.Search.Runs.RunFolder.Open(run))
        {
            Search(s_images, "--run", run).MustRefuse(run, "in use");
            Search(s_images, "--run", run, "--restart").MustRefuse(run, "in use");
        }

        File.WriteAllText(_files.PathOf("file"), "");
        Search(s_images, "--run", _files.PathOf("file")).MustRefuse("file", "choose another");
    }

    [Fact]
    public void Generate_refuses_what_it_cannot_draw()
    {
        var (concept, other) = (_files.Concept(), _files.Concept(fingerprint: new string('0', 64), name: "other"));
        var twin = _files.Concept(name: "twin");
        Refuse("no-such.concept", "--concept", "no-such.concept");
        Refuse("another model", "--concept", other);
        Refuse("two of the concepts are called '<toy>'", "--concept", concept, "-c", twin);
        Refuse("is not a concept file", "--concept", Path.Combine(TestFiles.Embeddings, "learned_embeds.safetensors"));
        Refuse("does not exist", "--model", "no-such-model/");
        Refuse("no-such-model", "--model", "no-such-model");
        Refuse("--count", "-n", "0");
        Refuse("--steps", "--steps", "0");
        Refuse("--scheduler", "--scheduler", "magic");
        Refuse("--width", "--width", "63");
        Refuse("--strength", "--strength", "2");
        Refuse("leaves none to make", "--image", Directory.GetFiles(s_images, "*.png")[0], "--strength", "0.1", "--steps", "4");
        Refuse("no-such.png", "--image", "no-such.png");
        Refuse("--device cpu", "--device", "cuda");

        void Refuse(string part, params string[] args) => Cli.Run(["generate", "a <toy>", "-o", _files.PathOf("a.png"), .. args]).MustRefuse(part);
    }

    [Fact]
    public void A_damaged_concept_is_named()
    {
        var path = _files.Concept();
        var bytes = File.ReadAllBytes(path);
        File.WriteAllBytes(path, bytes[..(bytes.Length - 100)]);
        Cli.Run("generate", "a <toy>", "-c", path, "-o", _files.PathOf("a.png")).MustRefuse(path);
        File.WriteAllText(path, "no concept");
        Cli.Run("concept", "show", path).MustRefuse(path);
    }

    [Fact]
    public void A_rate_of_zero_changes_nothing_and_is_no_error()
    {
        var cli = Search(s_images, "--lr", "0");
        Assert.Equal(ExitCodes.Success, cli.ExitCode);
    }

    public void Dispose() => _files.Dispose();

    Cli Search(string images, params string[] more)
    {
        string[] output = more.Contains("-o") ? [] : ["-o", _files.PathOf("a.concept.safetensors")];
        return Cli.Run([.. (string[])["search", "generation", "--images", images, "--name", "<x>", "--init", "red apple", "--steps", "1", "--batch", "2", "--evaluation-batch", "2", "--no-previews"], .. output, .. more]);
    }

    // A PNG whose header promises 60,000 x 60,000 pixels.
    static byte[] Huge()
    {
        var bytes = File.ReadAllBytes(Directory.GetFiles(s_images, "*.png")[0]);
        foreach (var at in (int[])[16, 20]) System.Buffers.Binary.BinaryPrimitives.WriteInt32BigEndian(bytes.AsSpan(at), 60_000);
        System.Buffers.Binary.BinaryPrimitives.WriteUInt32BigEndian(bytes.AsSpan(29), Checksum(bytes.AsSpan(12, 17)));
        return bytes;

        static uint Checksum(ReadOnlySpan<byte> chunk)
        {
            var crc = uint.MaxValue;
            foreach (var b in chunk)
            {
                crc ^= b;
                for (var bit = 0; bit < 8; bit++) crc = (crc & 1) != 0 ? (crc >> 1) ^ 0xedb88320 : crc >> 1;
            }

            return ~crc;
        }
    }
}
