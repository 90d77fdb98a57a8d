using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Models.GroundingDino.Text;

/// <summary>The tokens that end a phrase, by their ids in BERT's uncased vocabulary: [CLS], [SEP], full stop, question mark.</summary>
static class Delimiters
{
    const long Cls = 101;
    const long Sep = 102;
    const long FullStop = 1012;
    const long QuestionMark = 1029;

    public static bool Contains(long id) => id is Cls or Sep or FullStop or QuestionMark;

    /// <summary>Ids [B, T] in managed memory, a row a text.</summary>
    public static long[][] Rows(Tensor ids)
    {
        using var scope = NewDisposeScope();
        var values = ids.to(ScalarType.Int64).cpu().contiguous().data<long>().ToArray();
        return [.. values.Chunk((int)ids.shape[1])];
    }
}
