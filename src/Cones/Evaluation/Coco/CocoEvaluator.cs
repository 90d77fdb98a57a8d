using Cones.Data;
using Cones.Data.Coco;
using Cones.Models;

namespace Cones.Evaluation.Coco;

/// <summary>COCO's evaluation of detections: pycocotools' <c>COCOeval</c> with the same numbers.</summary>
/// <remarks>
/// Reference: pycocotools 2.0.11, with what it does beyond the paper: ties go to the later object, areas are those of the
/// annotation even for boxes, an annotation with the id 0 cannot be matched. Read the ground truth with
/// <see cref="DataChecks.AsWritten"/> to judge what pycocotools judges. Everything is float64.
/// </remarks>
public sealed class CocoEvaluator
{
    // Detections that one thread takes at a time.
    const int Chunk = 2000;

    readonly CocoObjects _truths;
    readonly CocoObjects _detections;
    readonly CocoCells _cells;
    readonly CocoIouType _type;
    readonly int[] _maxDetections;
    readonly long[] _imageIds;
    readonly long[] _categoryIds;

    /// <summary>Sorts ground truth and detections by class and image.</summary>
    /// <param name="dataset">The ground truth.</param>
    /// <param name="results">The detections. Those of images or classes that do not take part are left out.</param>
    /// <param name="type">Whether boxes or masks are compared.</param>
    /// <param name="options">The parameters; null takes COCO's.</param>
    /// <exception cref="ArgumentException">A parameter is out of its range or a score is NaN.</exception>
    /// <exception cref="ConesException">A result is of an image that the ground truth does not list, or lacks a box or mask.</exception>
    public CocoEvaluator(DetectionDataset dataset, IReadOnlyList<CocoResult> results, CocoIouType type = CocoIouType.Bbox, CocoEvalOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(dataset);
        ArgumentNullException.ThrowIfNull(results);
        Options = options ?? new CocoEvalOptions();
        Options.Validate();
        _type = type;
        _maxDetections = [.. Options.MaxDetections.Order()];
        _imageIds = [.. (Options.ImageIds ?? [.. dataset.Images.Select(i => i.Id)]).Distinct().Order()];
        var categories = Options.CategoryIds ?? [.. dataset.Categories.Select(c => c.Id).Order()];
        // Where classes are not told apart, they stand in the order given, as in the reference.
        _categoryIds = [.. Options.UseCategories ? categories.Distinct().Order() : categories.Distinct()];

        var imageIndex = Index(_imageIds);
        var categoryIndex = Index(_categoryIds);
        _truths = CocoObjects.OfGroundTruth([.. Truths(dataset, imageIndex, categoryIndex)], type);
        _detections = CocoObjects.OfResults([.. Detections(dataset, results, imageIndex, categoryIndex)], type, results.Count > 0 && results[0].Box is not null);
        _cells = CocoCells.Create(_truths, _detections, _imageIds.Length, _categoryIds.Length, Options.UseCategories, _maxDetections[^1]);
    }

    /// <summary>The parameters.</summary>
    public CocoEvalOptions Options { get; }

    /// <summary>The id of all classes together, where they are not told apart.</summary>
    public const long AllCategories = -1;

    /// <summary>Evaluates: loads, matches and accumulates.</summary>
    /// <param name="dataset">The ground truth.</param>
    /// <param name="results">The detections.</param>
    /// <param name="type">Whether boxes or masks are compared.</param>
    /// <param name="options">The parameters; null takes COCO's.</param>
    /// <exception cref="ConesException">As the constructor.</exception>
    public static CocoEvaluation Evaluate(DetectionDataset dataset, IReadOnlyList<CocoResult> results, CocoIouType type = CocoIouType.Bbox, CocoEvalOptions? options = null) =>
        new CocoEvaluator(dataset, results, type, options).Evaluate();

    /// <summary>Matches and accumulates, on all cores.</summary>
    public CocoEvaluation Evaluate()
    {
        var (outcomes, truths) = Match();
        IReadOnlyList<long> categories = Options.UseCategories ? _categoryIds : [AllCategories];
        var evaluation = new CocoEvaluation(Options, _maxDetections, categories);
        Parallel.For(0, categories.Count, k =>
        {
            if (_cells.ClassBegin[k] == _cells.ClassBegin[k + 1]) return;
            new CocoAccumulator(_detections, _cells, k, outcomes[k], truths[k]).Accumulate(evaluation);
        });
        return evaluation;
    }

    /// <summary>How the detections of one class in one image were matched; null where there is neither truth nor detection.</summary>
    /// <param name="imageId">The image.</param>
    /// <param name="categoryId">The class, or <see cref="AllCategories"/>.</param>
    /// <param name="area">The place of an area range in the options.</param>
    public CocoImageMatches? MatchesOf(long imageId, long categoryId, int area = 0)
    {
        if (FindCell(imageId, categoryId) is not { } cell) return null;
        var matcher = new CocoMatcher(_truths, _detections, _cells, _type);
        matcher.Load(cell);
        matcher.Select(Options.AreaRanges[area]);
        return CocoImageMatches.Of(matcher, cell, _detections, _cells, Options, area, imageId, categoryId);
    }

    /// <summary>
    /// The overlaps of one class in one image: a row for each detection, the surest first, a column for each object in the
    /// order of the file. Null where there is neither.
    /// </summary>
    /// <param name="imageId">The image.</param>
    /// <param name="categoryId">The class, or <see cref="AllCategories"/>.</param>
    public double[,]? OverlapsOf(long imageId, long categoryId)
    {
        if (FindCell(imageId, categoryId) is not { } cell) return null;
        var matcher = new CocoMatcher(_truths, _detections, _cells, _type);
        matcher.Load(cell);
        var overlaps = new double[cell.DetectionCount, cell.TruthCount];
        for (var d = 0; d < cell.DetectionCount; d++)
            for (var g = 0; g < cell.TruthCount; g++)
                overlaps[d, g] = matcher.Overlaps[(d * cell.TruthCount) + g];
        return overlaps;
    }

    static Dictionary<long, int> Index(long[] ids) => ids.Select((id, i) => (id, i)).ToDictionary(p => p.id, p => p.i);

    IEnumerable<(DatasetAnnotation, DatasetImage, int, int)> Truths(DetectionDataset dataset, Dictionary<long, int> imageIndex, Dictionary<long, int> categoryIndex)
    {
        foreach (var id in _imageIds)
            if (dataset.FindImage(id) is { } image)
                foreach (var annotation in image.Annotations)
                    if (categoryIndex.TryGetValue(annotation.CategoryId, out var category)) yield return (annotation, image, imageIndex[id], category);
    }

    static IEnumerable<(CocoResult, int, DatasetImage, int, int)> Detections(
        DetectionDataset dataset, IReadOnlyList<CocoResult> results, Dictionary<long, int> imageIndex, Dictionary<long, int> categoryIndex)
    {
        for (var i = 0; i < results.Count; i++)
        {
            var result = results[i];
            var image = dataset.FindImage(result.ImageId) ?? throw new ConesException(
                $"result {i + 1} is of image {result.ImageId}, which the ground truth does not list: evaluate against the annotations of these images");
            if (double.IsNaN(result.Score)) throw new ArgumentException($"result {i + 1} has the score NaN", nameof(results));
            if (imageIndex.TryGetValue(result.ImageId, out var index) && categoryIndex.TryGetValue(result.CategoryId, out var category))
                yield return (result, i + 1, image, index, category);
        }
    }

    // What each detection of each class counts as, [area range, threshold, detection]; and the objects to be found, [area range].
    (CocoOutcome[][] Outcomes, int[][] Truths) Match()
    {
        var classes = _cells.ClassBegin.Length - 1;
        var (areas, thresholds) = (Options.AreaRanges.Count, Options.IouThresholds.Count);
        var outcomes = new CocoOutcome[classes][];
        var truths = new int[classes][];
        var work = new List<(int Class, int FirstCell, int LastCell, int FirstDetection)>();
        for (var k = 0; k < classes; k++)
        {
            int detections = 0, chunkBegin = _cells.ClassBegin[k], chunkDetections = 0;
            for (var c = _cells.ClassBegin[k]; c < _cells.ClassBegin[k + 1]; c++)
            {
                detections += _cells.Cells[c].DetectionCount;
                if (detections - chunkDetections < Chunk && c + 1 < _cells.ClassBegin[k + 1]) continue;
                work.Add((k, chunkBegin, c + 1, chunkDetections));
                (chunkBegin, chunkDetections) = (c + 1, detections);
            }

            outcomes[k] = new CocoOutcome[checked(areas * thresholds * detections)];
            truths[k] = new int[areas];
        }

        Parallel.ForEach(
            work,
            () => new CocoMatcher(_truths, _detections, _cells, _type),
            (item, _, matcher) =>
            {
                var detection = item.FirstDetection;
                for (var c = item.FirstCell; c < item.LastCell; c++)
                {
                    MatchCell(matcher, _cells.Cells[c], outcomes[item.Class], truths[item.Class], detection);
                    detection += _cells.Cells[c].DetectionCount;
                }

                return matcher;
            },
            _ => { });
        return (outcomes, truths);
    }

    void MatchCell(CocoMatcher matcher, CocoCell cell, CocoOutcome[] outcomes, int[] truths, int firstDetection)
    {
        var (areas, thresholds) = (Options.AreaRanges, Options.IouThresholds);
        var stride = outcomes.Length / (areas.Count * thresholds.Count);
        matcher.Load(cell);
        for (var a = 0; a < areas.Count; a++)
        {
            Interlocked.Add(ref truths[a], matcher.Select(areas[a]));
            for (var t = 0; t < thresholds.Count; t++)
            {
                matcher.Match(thresholds[t]);
                var row = outcomes.AsSpan((((a * thresholds.Count) + t) * stride) + firstDetection, cell.DetectionCount);
                for (var d = 0; d < row.Length; d++) row[d] = matcher.Outcome(d, areas[a]);
            }
        }
    }

    CocoCell? FindCell(long imageId, long categoryId)
    {
        var image = Array.IndexOf(_imageIds, imageId);
        var k = Options.UseCategories ? Array.IndexOf(_categoryIds, categoryId) : categoryId == AllCategories ? 0 : -1;
        if (image < 0 || k < 0) return null;
        for (var c = _cells.ClassBegin[k]; c < _cells.ClassBegin[k + 1]; c++)
            if (_cells.Cells[c].Image == image) return _cells.Cells[c];
        return null;
    }
}
