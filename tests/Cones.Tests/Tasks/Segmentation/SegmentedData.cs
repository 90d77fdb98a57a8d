using Cones.Data;
using Cones.Models.Imaging;
using Cones.Tests.Tasks.Detection;

namespace Cones.Tests.Tasks.Segmentation;

/// <summary>Pictures of coloured rectangles with their masks, for the tiny segmenters of the goldens.</summary>
static class SegmentedData
{
    public static readonly string Sam = DrawnData.Golden("sam/model_a");

    /// <summary>Pictures of two classes.</summary>
    public static DetectionDataset Make(string folder, int count, int seed = 1)
    {
        var boxes = DrawnData.Make(folder, count, seed);
        return new DetectionDataset(boxes.Categories, [.. boxes.Images.Select(i => i with
        {
            Annotations = [.. i.Annotations.Select(a => a with { Segmentation = Cones.Data.Masks.Segmentation.FromBox(a.Box) })],
        })]);
    }

    /// <summary>The tiny SAM 3 with a vocabulary of letters.</summary>
    public static string Sam3(string folder)
    {
        Directory.CreateDirectory(folder);
        foreach (var file in Directory.EnumerateFiles(DrawnData.Golden("sam3/model"))) File.Copy(file, Path.Combine(folder, Path.GetFileName(file)), overwrite: true);
        var entries = Enumerable.Range(0, 26).SelectMany(i => (string[])[$"\"{(char)('a' + i)}\":{2 * i}", $"\"{(char)('a' + i)}</w>\":{(2 * i) + 1}"]);
        File.WriteAllText(Path.Combine(folder, "vocab.json"), $"{{{string.Join(',', entries)},\"<|startoftext|>\":97,\"<|endoftext|>\":98}}");
        File.WriteAllText(Path.Combine(folder, "merges.txt"), "#version: 0.2\n");
        return folder;
    }
}
