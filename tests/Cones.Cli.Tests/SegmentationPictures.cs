using System.Buffers.Binary;
using System.IO.Compression;
using System.Text.Json;
using Cones.Data;
using Cones.Data.Coco;
using Cones.Data.Masks;
using Cones.Models.Imaging;

namespace Cones.Cli.Tests;

/// <summary>Three pictures of two bright squares each with their masks, and tokenizer files for the tiny SAM 3 of the goldens.</summary>
static class SegmentationPictures
{
    /// <summary>Writes <c>pictures/</c>, <c>data.json</c> (with a class that nothing shows) and <c>boxes.json</c>, results of pictures numbered from 1.</summary>
    public static void Write(string folder)
    {
        Directory.CreateDirectory(Path.Combine(folder, "pictures"));
        var (images, boxes) = (new List<DatasetImage>(), new List<CocoResult>());
        for (var i = 1; i <= 3; i++)
        {
            var picture = new RgbImage(48, 36);
            var annotations = new List<DatasetAnnotation>();
            foreach (var (x, y) in ((int, int)[])[(8, 5 * i), (30, 3 + i)])
            {
                for (var row = y; row < y + 16; row++) picture.Pixels.AsSpan(3 * ((row * 48) + x), 3 * 16).Fill(220);
                var box = new BoundingBox(x, y, 16, 16);
                annotations.Add(new DatasetAnnotation { Id = (10 * i) + annotations.Count, CategoryId = 4, Box = box, Area = box.Area, Segmentation = Segmentation.FromBox(box) });
                boxes.Add(new CocoResult { ImageId = i, CategoryId = 1, Score = 0.9, Box = box });
            }

            picture.Save(Path.Combine(folder, "pictures", $"{i}.png"));
            images.Add(new DatasetImage { Id = 10 * i, FileName = $"pictures/{i}.png", Width = 48, Height = 36, Annotations = annotations });
        }

        CocoWriter.Write(new DetectionDataset([new(4, "cell")], images), Path.Combine(folder, "data.json"));
        CocoResultWriter.Write(boxes, Path.Combine(folder, "boxes.json"));
    }

    /// <summary>Copies the tiny SAM 3 and writes a vocabulary of letters beside it.</summary>
    public static string Sam3WithTokenizer(string folder)
    {
        TestFiles.CopyFolder(Path.Combine(TestFiles.Root, "tests", "goldens", "sam3", "model"), folder);
        var vocabulary = new Dictionary<string, int>();
        for (var i = 0; i < 26; i++) (vocabulary[$"{(char)('a' + i)}"], vocabulary[$"{(char)('a' + i)}</w>"]) = (2 * i, (2 * i) + 1);
        vocabulary["<|startoftext|>"] = 97;
        vocabulary["<|endoftext|>"] = 98;
        File.WriteAllText(Path.Combine(folder, "vocab.json"), JsonSerializer.Serialize(vocabulary));
        File.WriteAllText(Path.Combine(folder, "merges.txt"), "#version: 0.2\n");
        return folder;
    }

    /// <summary>Writes a black grey PNG of so many pixels a side.</summary>
    public static void WriteHuge(string path, int side)
    {
        using var packed = new MemoryStream();
        using (var zlib = new ZLibStream(packed, CompressionLevel.Fastest, leaveOpen: true))
        {
            var row = new byte[(side / 8) + 1];
            for (var y = 0; y < side; y++) zlib.Write(row);
        }

        var header = new byte[13];
        BinaryPrimitives.WriteInt32BigEndian(header, side);
        BinaryPrimitives.WriteInt32BigEndian(header.AsSpan(4), side);
        header[8] = 1; // a bit a pixel
        using var file = File.Create(path);
        file.Write([137, 80, 78, 71, 13, 10, 26, 10]);
        Chunk(file, "IHDR", header);
        Chunk(file, "IDAT", packed.ToArray());
        Chunk(file, "IEND", []);
    }

    static void Chunk(Stream file, string type, byte[] data)
    {
        byte[] body = [.. System.Text.Encoding.ASCII.GetBytes(type), .. data];
        var number = new byte[4];
        BinaryPrimitives.WriteInt32BigEndian(number, data.Length);
        file.Write(number);
        file.Write(body);
        BinaryPrimitives.WriteUInt32BigEndian(number, Crc(body));
        file.Write(number);
    }

    static uint Crc(byte[] data)
    {
        var crc = uint.MaxValue;
        foreach (var b in data)
        {
            crc ^= b;
            for (var i = 0; i < 8; i++) crc = (crc >> 1) ^ (0xEDB88320 & (0 - (crc & 1)));
        }

        return ~crc;
    }
}
