using Cones.Data.Masks;

namespace Cones.Tasks.Segmentation;

/// <summary>The parts of a mask that do not touch each other, neither by sides nor by corners.</summary>
static class ConnectedComponents
{
    /// <summary>The parts by ascending column of their first pixel; none of an empty mask.</summary>
    public static IReadOnlyList<RleMask> Of(RleMask mask)
    {
        var runs = mask.ColumnRuns().ToArray();
        var parent = Enumerable.Range(0, runs.Length).ToArray();
        // Runs of neighbouring columns that touch belong together; both columns are in order.
        for (int i = 0, j = 0; i < runs.Length; i++)
        {
            while (j < i && runs[j].X < runs[i].X - 1) j++;
            for (var k = j; k < i && runs[k].X < runs[i].X; k++)
                if (runs[k].Y <= runs[i].Y + runs[i].Length && runs[i].Y <= runs[k].Y + runs[k].Length) Join(parent, i, k);
        }

        return
        [
            .. runs.Select((run, i) => (Run: run, Root: Root(parent, i))).GroupBy(r => r.Root)
                .Select(g => RleMask.FromColumnRuns(mask.Height, mask.Width, g.Select(r => r.Run))),
        ];
    }

    static void Join(int[] parent, int a, int b)
    {
        var (rootA, rootB) = (Root(parent, a), Root(parent, b));
        parent[Math.Max(rootA, rootB)] = Math.Min(rootA, rootB);
    }

    static int Root(int[] parent, int i)
    {
        while (parent[i] != i) i = parent[i] = parent[parent[i]];
        return i;
    }
}
