namespace Cones.Data;

/// <summary>Images with boxes or masks of objects of some classes: what every format is read into.</summary>
public sealed class DetectionDataset
{
    readonly Dictionary<long, int> _categoryIndices = [];
    readonly Dictionary<long, DatasetImage> _imagesById = [];

    /// <summary>A data set.</summary>
    /// <param name="categories">The classes; their order decides the index that models use.</param>
    /// <param name="images">The images.</param>
    /// <exception cref="ArgumentException">Two classes or two images have the same id.</exception>
    public DetectionDataset(IReadOnlyList<DatasetCategory> categories, IReadOnlyList<DatasetImage> images)
    {
        ArgumentNullException.ThrowIfNull(categories);
        ArgumentNullException.ThrowIfNull(images);
        Categories = categories;
        Images = images;
        for (var i = 0; i < categories.Count; i++)
            if (!_categoryIndices.TryAdd(categories[i].Id, i)) throw new ArgumentException($"two classes have the id {categories[i].Id}", nameof(categories));
        foreach (var image in images)
            if (!_imagesById.TryAdd(image.Id, image)) throw new ArgumentException($"two images have the id {image.Id}", nameof(images));
    }

    /// <summary>The classes in the order of the data set.</summary>
    public IReadOnlyList<DatasetCategory> Categories { get; }

    /// <summary>The images in the order of the data set.</summary>
    public IReadOnlyList<DatasetImage> Images { get; }

    /// <summary>The number of objects.</summary>
    public int AnnotationCount => Images.Sum(i => i.Annotations.Count);

    /// <summary>The names of the classes, in order.</summary>
    public IReadOnlyList<string> CategoryNames => [.. Categories.Select(c => c.Name)];

    /// <summary>The place of a class in <see cref="Categories"/>, or -1 where there is none of that id.</summary>
    public int CategoryIndex(long categoryId) => _categoryIndices.GetValueOrDefault(categoryId, -1);

    /// <summary>The image of an id, or null.</summary>
    public DatasetImage? FindImage(long id) => _imagesById.GetValueOrDefault(id);

    /// <summary>The same classes with some of the images, in the order given.</summary>
    /// <exception cref="ArgumentException">There is no image of an id, or an id is named twice.</exception>
    public DetectionDataset Select(IReadOnlyList<long> imageIds)
    {
        ArgumentNullException.ThrowIfNull(imageIds);
        return new DetectionDataset(
            Categories,
            [.. imageIds.Select(id => FindImage(id) ?? throw new ArgumentException($"there is no image of id {id}", nameof(imageIds)))]);
    }
}
