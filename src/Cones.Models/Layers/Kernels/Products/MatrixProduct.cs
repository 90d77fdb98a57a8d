using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using Cones.Models.Native;

namespace Cones.Models.Layers.Kernels.Products;

/// <summary>Products of float32 matrices, at close to the peak of a processor with AVX-512.</summary>
/// <remarks>
/// The library that LibTorch multiplies with chooses narrower instructions on AMD processors and reaches 75 to 85 % of their
/// peak. B is packed in panels of 32 columns that stay in the caches, at every call or once (<see cref="PackedMatrix"/>); A is read as it
/// lies. One element of C is made by one thread, its sum in a fixed order: the result does not depend on the number of threads.
/// </remarks>
static unsafe class MatrixProduct
{
    // A panel of this depth has 48 kB: it stays in the second cache with the lines of A that pass by.
    internal const int DepthBlock = 384;

    // Panels that a task packs at most; together they fit into the second cache.
    const int MostPanels = 10;

    const long TasksPerThread = 6;

    // Rows that a task takes at least, so that packing does not count; and where all is packed.
    const long LeastRows = 128;
    const long LeastRowsPacked = 32;

    [ThreadStatic]
    static float* t_panels;

    /// <summary>Whether this processor can.</summary>
    public static bool IsSupported => ProductTile.IsSupported;

    /// <summary>C = A B + bias for a batch of matrices.</summary>
    /// <param name="a">A: M rows of K, <paramref name="aStride"/> from row to row.</param>
    /// <param name="aStride">At least K.</param>
    /// <param name="b">B: K rows of N, or, <paramref name="transposed"/>, N rows of K.</param>
    /// <param name="bStride">From row to row.</param>
    /// <param name="transposed">Whether B is given by its transpose, as weights of linear layers are.</param>
    /// <param name="c">C: M rows of N.</param>
    /// <param name="cStride">From row to row, at least N.</param>
    /// <param name="size">M, N and K.</param>
    /// <param name="bias">N numbers added to every row, or null.</param>
    /// <param name="batch">The number of products.</param>
    /// <param name="batchStrides">From product to product in A, B and C.</param>
    public static void Multiply(
        float* a, long aStride, float* b, long bStride, bool transposed, float* c, long cStride, (long M, long N, long K) size, float* bias = null,
        long batch = 1, (long A, long B, long C) batchStrides = default)
    {
        var (m, n, k) = size;
        // Enough tasks for all threads to end together, of equal size.
        var threads = TorchSharp.torch.get_num_threads();
        var panels = Parts(n, ProductTile.Wide);
        var groups = Parts(panels, MostPanels);
        var rowParts = Math.Clamp(TasksPerThread * threads / (groups * batch), 1, Math.Max(1, m / LeastRows));
        groups = Math.Clamp(TasksPerThread * threads / (rowParts * batch), groups, panels);
        var groupWidth = Parts(panels, groups) * ProductTile.Wide;
        groups = Parts(n, groupWidth);
        var rowsPerPart = Parts(Parts(m, rowParts), ProductTile.Rows) * ProductTile.Rows;
        rowParts = Parts(m, rowsPerPart);

        ParallelRange.Each(batch * groups * rowParts, task =>
        {
            var part = task % rowParts;
            var group = task / rowParts % groups;
            var index = task / rowParts / groups;
            var firstRow = part * rowsPerPart;
            var firstColumn = group * groupWidth;
            Run(new Block
            {
                A = a + (index * batchStrides.A) + (firstRow * aStride),
                AStride = aStride,
                B = b + (index * batchStrides.B) + (transposed ? firstColumn * bStride : firstColumn),
                BStride = bStride,
                Transposed = transposed,
                C = c + (index * batchStrides.C) + (firstRow * cStride) + firstColumn,
                CStride = cStride,
                Rows = Math.Min(rowsPerPart, m - firstRow),
                Columns = Math.Min(groupWidth, n - firstColumn),
                Depth = k,
                Bias = bias == null ? null : bias + firstColumn,
            });
        });
    }

    /// <summary>C = A B + bias with a packed B.</summary>
    /// <param name="a">A: M rows of K, <paramref name="aStride"/> from row to row.</param>
    /// <param name="aStride">At least K.</param>
    /// <param name="b">B, [K, N].</param>
    /// <param name="c">C: M rows of N.</param>
    /// <param name="cStride">From row to row, at least N.</param>
    /// <param name="m">M.</param>
    /// <param name="bias">N numbers added to every row, or null.</param>
    /// <param name="oneThread">Whether the calling thread does it alone, which may be one of a parallel loop's.</param>
    public static void Multiply(float* a, long aStride, in PackedMatrix b, float* c, long cStride, long m, float* bias = null, bool oneThread = false)
    {
        var (depth, columns) = (b.Rows, b.Columns);
        var panels = b.Panels;
        var groupWidth = Math.Min(MostPanels * ProductTile.Wide, Parts(columns, ProductTile.Wide) * ProductTile.Wide);
        var groups = Parts(columns, groupWidth);
        var parts = oneThread ? 1 : Math.Clamp(TasksPerThread * TorchSharp.torch.get_num_threads() / groups, 1, Math.Max(1, m / LeastRowsPacked));
        var rowsPerPart = Parts(Parts(m, parts), ProductTile.Rows) * ProductTile.Rows;
        parts = Parts(m, rowsPerPart);
        if (oneThread)
        {
            for (var task = 0L; task < groups; task++) RunTask(task);
            return;
        }

        ParallelRange.Each(groups * parts, RunTask);

        void RunTask(long task)
        {
            var firstRow = task % parts * rowsPerPart;
            var firstColumn = task / parts * groupWidth;
            Run(new Block
            {
                A = a + (firstRow * aStride),
                AStride = aStride,
                Packed = panels,
                PackedWidth = Parts(columns, ProductTile.Wide) * ProductTile.Wide,
                PackedColumn = firstColumn,
                C = c + (firstRow * cStride) + firstColumn,
                CStride = cStride,
                Rows = Math.Min(rowsPerPart, m - firstRow),
                Columns = Math.Min(groupWidth, columns - firstColumn),
                Depth = depth,
                Bias = bias == null ? null : bias + firstColumn,
            });
        }
    }

    static void Run(Block block)
    {
        if (t_panels == null) t_panels = (float*)System.Runtime.InteropServices.NativeMemory.AlignedAlloc(((MostPanels * ProductTile.Wide) + ProductTile.Rows) * DepthBlock * sizeof(float), 64);
        var own = t_panels;
        var lines = own + (MostPanels * ProductTile.Wide * DepthBlock);
        var depthStep = Parts(block.Depth, Parts(block.Depth, DepthBlock));
        for (var first = 0L; first < block.Depth; first += depthStep)
        {
            var depth = Math.Min(depthStep, block.Depth - first);
            var panels = own;
            if (block.Packed != null) panels = block.Packed + (first * block.PackedWidth) + (block.PackedColumn * depth);
            else Pack(block.B, block.BStride, block.Transposed, panels, first, depth, block.Columns);

            for (var row = 0L; row < block.Rows; row += ProductTile.Rows)
            {
                var rows = (int)Math.Min(ProductTile.Rows, block.Rows - row);
                PanelPacking.Tall(block.A + (row * block.AStride) + first, block.AStride, lines, depth, rows);
                for (var column = 0L; column < block.Columns; column += ProductTile.Wide)
                {
                    var width = (int)Math.Min(ProductTile.Wide, block.Columns - column);
                    var c = block.C + (row * block.CStride) + column;
                    ProductTile.Run(
                        lines, 1, ProductTile.Rows, panels + (column * depth), ProductTile.Wide, c, block.CStride, depth, rows, width, accumulate: first > 0);
                    if (block.Bias != null && first + depth == block.Depth) AddBias(c, block.CStride, rows, block.Bias + column, width);
                }
            }
        }
    }

    /// <summary>Packs a part of B's depth, panel after panel of 32 columns.</summary>
    internal static void Pack(float* b, long stride, bool transposed, float* panels, long first, long depth, long columns)
    {
        for (var column = 0L; column < columns; column += ProductTile.Wide)
        {
            var width = (int)Math.Min(ProductTile.Wide, columns - column);
            if (transposed) PanelPacking.Transposed(b + (column * stride) + first, stride, panels + (column * depth), depth, width);
            else PanelPacking.Rows(b + (first * stride) + column, stride, panels + (column * depth), depth, width);
        }
    }

    // On a tile that has just been written.
    static void AddBias(float* c, long stride, int rows, float* bias, int columns)
    {
        for (var i = 0; i < rows; i++, c += stride)
        {
            var j = 0;
            for (; j + 16 <= columns; j += 16) (Vector512.Load(c + j) + Vector512.Load(bias + j)).Store(c + j);
            for (; j < columns; j++) c[j] += bias[j];
        }
    }

    /// <summary>How many parts a length has.</summary>
    internal static long Parts(long length, long part) => (length + part - 1) / part;

    struct Block
    {
        public float* A, B, C, Bias, Packed;
        public long AStride, BStride, CStride, Rows, Columns, Depth, PackedWidth, PackedColumn;
        public bool Transposed;
    }
}
