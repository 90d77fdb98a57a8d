using System.Buffers.Binary;
using System.Text;

namespace Cones.Models.Weights;

/// <summary>Tells formats apart by the first bytes, since extensions lie.</summary>
static class CheckpointFormats
{
    public static CheckpointFormat Detect(MappedFile file)
    {
        ReadOnlySpan<byte> head = file.Head(512);
        if (head.StartsWith("PK\x03\x04"u8) || head.StartsWith("PK\x05\x06"u8)) return CheckpointFormat.TorchZip;
        if (head.StartsWith("GGUF"u8)) return CheckpointFormat.Gguf;
        if (head.Length > 8 && head[0] == 0x89 && head[1..4].SequenceEqual("HDF"u8)) return CheckpointFormat.Hdf5;
        if (head.StartsWith("version https://git-lfs"u8)) return CheckpointFormat.GitLfsPointer;
        if (head.Length > 262 && head[257..262].SequenceEqual("ustar"u8)) return CheckpointFormat.Tar;

        // A header's length comes first; its lowest byte may well look like a pickle's first.
        if (head.Length >= 9 && BinaryPrimitives.ReadUInt64LittleEndian(head) <= SafetensorsHeader.LargestHeader && head[8] is (byte)'{' or (byte)' ')
            return CheckpointFormat.Safetensors;
        if (head.Length >= 2 && head[0] == 0x80 && head[1] is >= 2 and <= 5) return CheckpointFormat.TorchLegacy;

        var text = Encoding.Latin1.GetString(head).TrimStart();
        if (text.StartsWith("<!doctype", StringComparison.OrdinalIgnoreCase) || text.StartsWith("<html", StringComparison.OrdinalIgnoreCase)) return CheckpointFormat.Html;
        if (text.StartsWith('{')) return CheckpointFormat.Sharded;
        return CheckpointFormat.Unknown;
    }

    /// <summary>What the user should know and do about a file of a format that is not the expected one; null if nothing better is known.</summary>
    public static string? Explain(CheckpointFormat format) => format switch
    {
        CheckpointFormat.GitLfsPointer => "it is a Git LFS pointer; fetch the file itself with `git lfs pull`",
        CheckpointFormat.Html => "it is a web page, probably of a failed download; download it again",
        CheckpointFormat.TorchZip => "it is a zip archive, as torch.save writes; give it the extension .pt or .bin",
        CheckpointFormat.TorchLegacy => "it is a Python pickle, as torch.save writes; give it the extension .pt or .bin",
        CheckpointFormat.Tar => "it is a tar archive, maybe of a PyTorch before 0.1.10; load it in PyTorch and save it as safetensors",
        CheckpointFormat.Gguf => "it is a GGUF file of llama.cpp; use the model's safetensors files",
        CheckpointFormat.Hdf5 => "it is an HDF5 file of Keras; use the model's safetensors files",
        CheckpointFormat.Sharded => "it is JSON text; name the weights or an *.index.json",
        _ => null,
    };
}
