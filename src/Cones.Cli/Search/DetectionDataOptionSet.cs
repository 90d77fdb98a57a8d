using System.CommandLine;
using Cones.Cli.Options;
using Cones.Data;
using Cones.Data.FewShot;
using Cones.Data.Voc;
using Cones.Models;

namespace Cones.Cli.Search;

/// <summary>The options of <c>cones search detection</c> that name annotated images.</summary>
sealed class DetectionDataOptionSet
{
    const long PublishedSeed = 3;

    readonly Option<string> _data = new("--data") { Description = "The annotated training images: COCO's JSON, a Pascal VOC folder, a YOLO folder or its data.yaml.", Required = true, HelpName = "PATH" };
    readonly Option<string?> _split = new("--split") { Description = "The part of a VOC or YOLO data set to train on. Default: VOC: all of it; YOLO: its first, train.", HelpName = "NAME" };
    readonly Option<string?> _images = new("--images") { Description = "Folder of the training images. Default: where the format has them; of COCO beside the JSON file.", HelpName = "DIR" };
    readonly Option<string?> _val = new("--val") { Description = "Annotated images that decide which step is best, by AP. Default: the loss on the training images.", HelpName = "PATH" };
    readonly Option<string?> _valSplit = new("--val-split") { Description = "The part of --val. Default: VOC: all of it; YOLO: its val.", HelpName = "NAME" };
    readonly Option<string?> _valImages = new("--val-images") { Description = "Folder of the --val images. Default: that of --images, where COCO's JSON is read.", HelpName = "DIR" };
    readonly Option<int> _shots = new("--shots") { Description = "Use only so many training images a class, by GLIP's few-shot rule; 0: all.", HelpName = "K", DefaultValueFactory = _ => 0 };
    readonly Option<long?> _shotSeed = new("--shot-seed") { Description = "Seed of --shots; published subsets have 3, 30 and 300. Default: that of --seed, where one is named, else 3.", HelpName = "S" };
    readonly Option<bool> _strict = new("--strict") { Description = "Refuse data with a broken record instead of leaving the record out." };
    readonly Option<bool> _oneBased = new("--one-based") { Description = "Pascal VOC: corners are counted from 1 and belong to the box, as in the original challenge." };

    /// <summary>Adds the options that name files.</summary>
    public void AddFilesTo(Command command)
    {
        foreach (var option in (Option[])[_data, _split, _images, _val, _valSplit, _valImages]) command.Options.Add(option);
    }

    /// <summary>Adds the others.</summary>
    public void AddTo(Command command)
    {
        foreach (var option in (Option[])[_shots, _shotSeed, _strict, _oneBased]) command.Options.Add(option);
    }

    /// <summary>Reads the training images, and those to judge by.</summary>
    /// <param name="parsed">The command line.</param>
    /// <param name="seed">What <c>--seed</c> names, or null.</param>
    /// <param name="error">Told about broken records.</param>
    /// <exception cref="ConesException">Something cannot be used; the message names the option.</exception>
    public (DetectionDataset Train, DetectionDataset? Validation) Read(ParseResult parsed, long? seed, TextWriter error)
    {
        var shots = parsed.GetValue(_shots);
        if (shots < 0) throw new ConesException($"{shots} shots asked for, at least 0 are needed (--shots; 0: all images)");
        var (path, images) = (parsed.GetRequiredValue(_data), parsed.GetValue(_images));
        var options = new DataReadOptions { Checks = parsed.GetValue(_strict) ? DataChecks.Strict : DataChecks.Skip, ImageFolder = images };
        var voc = new VocOptions { OneBased = parsed.GetValue(_oneBased) };
        var train = DetectionData.Read(path, parsed.GetValue(_split), options, voc, error);
        if (train.Images.Count == 0) throw new ConesException($"{path} holds no usable images: name a data set that does (--data), or the folder of its images (--images)");
        if (train.AnnotationCount == 0) throw new ConesException($"{path} holds no usable boxes: a search needs some of each class (--data)");
        var validation = parsed.GetValue(_val) is { } val ? ReadValidation(parsed, path, val, images, train, options, voc, error) : null;
        return (shots > 0 ? FewShotSubset.Select(train, shots, parsed.GetValue(_shotSeed) ?? seed ?? PublishedSeed) : train, validation);
    }

    DetectionDataset ReadValidation(
        ParseResult parsed, string path, string val, string? images, DetectionDataset train, DataReadOptions options, VocOptions voc, TextWriter error)
    {
        var split = parsed.GetValue(_valSplit) ?? DetectionData.JudgedSplit(val);
        if (Directory.Exists(val) && Path.GetFullPath(path) == Path.GetFullPath(val) && split == parsed.GetValue(_split))
            throw new ConesException($"{val} would be trained on and judged by: name its parts (--split train --val-split val)");
        var folder = parsed.GetValue(_valImages) ?? (Path.GetExtension(val).Equals(".json", StringComparison.OrdinalIgnoreCase) ? images : null);
        // A VOC folder names no classes: those of the training images, so that an index means the same.
        var data = DetectionData.Read(val, split, options with { ImageFolder = folder }, voc with { Categories = train.CategoryNames }, error);
        return data.Images.Count > 0 ? data : throw new ConesException($"{val} holds no usable images: name a data set that does (--val), or the folder of its images (--val-images)");
    }
}
