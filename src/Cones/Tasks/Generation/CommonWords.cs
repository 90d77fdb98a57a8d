namespace Cones.Tasks.Generation;

/// <summary>
/// Words that most pictures of one thing fall under: the candidates for a start where neither the user nor the model's folder
/// names any. Each is one token of CLIP's vocabulary.
/// </summary>
public static class CommonWords
{
    /// <summary>The words.</summary>
    public static IReadOnlyList<string> All { get; } =
    [
        "man", "woman", "child", "face", "dog", "cat", "bird", "horse", "animal", "fish", "toy", "doll", "robot", "car", "bike", "boat", "house",
        "building", "chair", "lamp", "clock", "bag", "shoe", "hat", "shirt", "cup", "bottle", "bowl", "vase", "flower", "tree", "fruit", "vegetable",
        "cake", "food", "book", "guitar", "phone", "statue", "painting", "logo", "landscape",
    ];
}
