namespace Cones.Evaluation.Coco;

/// <summary>
/// Matches the detections of one cell with its ground truth: the surest first, each to the free object that it overlaps most.
/// One of these is used by one thread; its arrays grow with the largest cell.
/// </summary>
/// <remarks>Reference: pycocotools <c>COCOeval.computeIoU</c> and <c>evaluateImg</c>, with its tie rules and its use of ids.</remarks>
sealed class CocoMatcher(CocoObjects truths, CocoObjects detections, CocoCells cells, CocoIouType type)
{
    internal const int Unmatched = -1;

    // An overlap of exactly 1 meets a threshold of 1 in spite of rounding.
    const double LargestThreshold = 1 - 1e-10;

    double[] _overlaps = [];
    int[] _order = [];
    bool[] _ignored = [];
    int[] _truthMatches = [];
    int[] _detectionMatches = [];
    CocoCell _cell;

    /// <summary>For each detection of the cell and each truth in the order of the file; valid after <see cref="Load"/>.</summary>
    internal ReadOnlySpan<double> Overlaps => _overlaps.AsSpan(0, _cell.DetectionCount * _cell.TruthCount);

    /// <summary>Truths of the cell by place in the cell: those of the area range, then the ignored ones.</summary>
    internal ReadOnlySpan<int> Order => _order.AsSpan(0, _cell.TruthCount);

    /// <summary>Whether each truth, in the order of <see cref="Order"/>, is ignored.</summary>
    internal ReadOnlySpan<bool> Ignored => _ignored.AsSpan(0, _cell.TruthCount);

    /// <summary>For each truth, in the order of <see cref="Order"/>, its last detection in the cell, or <see cref="Unmatched"/>.</summary>
    internal ReadOnlySpan<int> TruthMatches => _truthMatches.AsSpan(0, _cell.TruthCount);

    /// <summary>For each detection of the cell its truth, a place in <see cref="Order"/>, or <see cref="Unmatched"/>.</summary>
    internal ReadOnlySpan<int> DetectionMatches => _detectionMatches.AsSpan(0, _cell.DetectionCount);

    /// <summary>Takes a cell and computes its overlaps.</summary>
    internal void Load(CocoCell cell)
    {
        _cell = cell;
        Grow(ref _overlaps, cell.DetectionCount * cell.TruthCount);
        Grow(ref _order, cell.TruthCount);
        Grow(ref _ignored, cell.TruthCount);
        Grow(ref _truthMatches, cell.TruthCount);
        Grow(ref _detectionMatches, cell.DetectionCount);
        if (type == CocoIouType.Bbox) OverlapBoxes();
        else OverlapMasks();
    }

    /// <summary>Sorts the truths for an area range: crowds and those outside of it are ignored and come last.</summary>
    /// <returns>The number of truths that are not ignored.</returns>
    internal int Select(CocoAreaRange range)
    {
        var count = 0;
        for (var pass = 0; pass < 2; pass++)
        {
            for (var g = 0; g < _cell.TruthCount; g++)
            {
                var truth = cells.Truths[_cell.FirstTruth + g];
                var ignored = truths.Crowd[truth] || range.Excludes(truths.Areas[truth]);
                if (ignored != (pass == 1)) continue;
                _order[count] = g;
                _ignored[count++] = ignored;
            }
        }

        return Ignored.Count(false);
    }

    /// <summary>Matches at a threshold; <see cref="Select"/> has sorted the truths.</summary>
    internal void Match(double threshold)
    {
        var truthCount = _cell.TruthCount;
        _truthMatches.AsSpan(0, truthCount).Fill(Unmatched);
        for (var d = 0; d < _cell.DetectionCount; d++)
        {
            var best = Math.Min(threshold, LargestThreshold);
            var match = Unmatched;
            var row = _overlaps.AsSpan(d * truthCount, truthCount);
            for (var g = 0; g < truthCount; g++)
            {
                if (_truthMatches[g] != Unmatched && !IsCrowd(g)) continue;
                // Ignored truths come last: what has a real match does not go on to them.
                if (match != Unmatched && !_ignored[match] && _ignored[g]) break;
                // Of equal overlaps the later truth wins.
                if (row[_order[g]] < best) continue;
                best = row[_order[g]];
                match = g;
            }

            _detectionMatches[d] = match;
            if (match != Unmatched) _truthMatches[match] = d;
        }
    }

    /// <summary>The id of a truth by its place in <see cref="Order"/>.</summary>
    internal long TruthId(int place) => truths.Ids[cells.Truths[_cell.FirstTruth + _order[place]]];

    /// <summary>
    /// What a detection counts as after <see cref="Match"/>. A match with the annotation id 0 counts as none: the reference stores
    /// ids and takes 0 for no match.
    /// </summary>
    internal CocoOutcome Outcome(int detection, CocoAreaRange range)
    {
        var match = _detectionMatches[detection];
        var counted = match != Unmatched && TruthId(match) != 0;
        if (match != Unmatched && _ignored[match]) return CocoOutcome.Ignored;
        if (counted) return CocoOutcome.TruePositive;
        return range.Excludes(detections.Areas[cells.Detections[_cell.FirstDetection + detection]]) ? CocoOutcome.Ignored : CocoOutcome.FalsePositive;
    }

    bool IsCrowd(int place) => truths.Crowd[cells.Truths[_cell.FirstTruth + _order[place]]];

    void OverlapBoxes()
    {
        for (int d = 0, at = 0; d < _cell.DetectionCount; d++)
        {
            var box = detections.Boxes[cells.Detections[_cell.FirstDetection + d]];
            for (var g = 0; g < _cell.TruthCount; g++)
            {
                var truth = cells.Truths[_cell.FirstTruth + g];
                _overlaps[at++] = CocoOverlap.Box(box, truths.Boxes[truth], truths.Crowd[truth]);
            }
        }
    }

    void OverlapMasks()
    {
        var boxes = new Data.BoundingBox[_cell.TruthCount];
        for (var g = 0; g < boxes.Length; g++) boxes[g] = truths.Masks[cells.Truths[_cell.FirstTruth + g]]!.Box;
        for (int d = 0, at = 0; d < _cell.DetectionCount; d++)
        {
            var mask = detections.Masks[cells.Detections[_cell.FirstDetection + d]]!;
            var box = mask.Box;
            for (var g = 0; g < boxes.Length; g++)
            {
                var truth = cells.Truths[_cell.FirstTruth + g];
                _overlaps[at++] = CocoOverlap.Mask(mask, box, truths.Masks[truth]!, boxes[g], truths.Crowd[truth]);
            }
        }
    }

    static void Grow<T>(ref T[] array, int length)
    {
        if (array.Length < length) array = new T[Math.Max(length, 2 * array.Length)];
    }
}

/// <summary>What a detection counts as.</summary>
enum CocoOutcome : byte
{
    /// <summary>Wrong.</summary>
    FalsePositive,

    /// <summary>Right.</summary>
    TruePositive,

    /// <summary>Neither: on a crowd, or outside the area range.</summary>
    Ignored,
}
