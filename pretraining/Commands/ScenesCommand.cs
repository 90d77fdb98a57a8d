using System.CommandLine;
using System.Diagnostics;
using Cones.Models.Imaging;
using Cones.Pretraining.Data;
using Cones.Pretraining.Scenes;

namespace Cones.Pretraining.Commands;

/// <summary><c>scenes</c>: a sheet of scenes with their boxes, to look at.</summary>
static class ScenesCommand
{
    /// <summary>Adds the command.</summary>
    public static void AddTo(Command root)
    {
        var output = new Argument<string>("output") { Description = "The PNG file." };
        var data = new Option<string?>("--data") { Description = "The folder that prepare-data.sh filled; without it there are no emoji." };
        var seed = new Option<long>("--seed") { Description = "Decides everything." };
        var hard = new Option<bool>("--hard") { Description = "Hard scenes." };
        var kind = new Option<string>("--kind") { Description = "scatter, crowd, microscopy, smear or all.", DefaultValueFactory = _ => "all" };
        kind.AcceptOnlyFromAmong("scatter", "crowd", "microscopy", "smear", "all");
        var command = new Command("scenes", "Draws a sheet of scenes with boxes, for detector and segmenter.") { output, data, seed, hard, kind };
        command.SetAction(parsed =>
        {
            var pack = parsed.GetValue(data) is { } folder ? IconPack.Open(folder) : null;
            var options = new SceneOptions(Hard: parsed.GetValue(hard));
            options = parsed.GetValue(kind) switch
            {
                "scatter" => options with { CrowdPart = 0, MicroscopyPart = 0 },
                "crowd" => options with { CrowdPart = 1, MicroscopyPart = 0 },
                "microscopy" => options with { MicroscopyPart = 1 },
                "smear" => options with { MicroscopyPart = 0, SmearPart = 1 },
                _ => options with { CrowdPart = 0.2, MicroscopyPart = 0.2, SmearPart = 0.2 },
            };
            var generator = new SceneGenerator(options, pack, pack?.Select((c, _) => !c.HeldOut));
            const int count = 40;
            _ = generator.Draw(parsed.GetValue(seed), 0);
            using var self = Process.GetCurrentProcess();
            var before = self.UserProcessorTime;
            Scene[] scenes = [.. Enumerable.Range(0, count).Select(i => generator.Draw(parsed.GetValue(seed), i))];
            self.Refresh();
            Console.WriteLine($"{(self.UserProcessorTime - before).TotalMilliseconds / count:0.00} ms of a core a scene");
            RgbImage.Grid([.. scenes.Select(WithBoxes)], 8).Save(parsed.GetValue(output)!);
        });
        root.Subcommands.Add(command);
    }

    static RgbImage WithBoxes(Scene scene)
    {
        var image = new RgbImage(scene.Picture.Width, scene.Picture.Height, scene.Picture.ToRgb());
        var color = new Rgb(255, 0, 0);
        foreach (var thing in scene.Objects)
        {
            for (var x = thing.Box.Left; x < thing.Box.Right; x++) image[x, thing.Box.Top] = image[x, thing.Box.Bottom - 1] = color;
            for (var y = thing.Box.Top; y < thing.Box.Bottom; y++) image[thing.Box.Left, y] = image[thing.Box.Right - 1, y] = color;
        }

        return image;
    }
}
