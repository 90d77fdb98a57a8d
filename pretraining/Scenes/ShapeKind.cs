namespace Cones.Pretraining.Scenes;

/// <summary>Outlines that scenes draw; the names are the words for them.</summary>
enum ShapeKind
{
    /// <summary>A disc.</summary>
    Circle,

    /// <summary>A square.</summary>
    Square,

    /// <summary>An equilateral triangle.</summary>
    Triangle,

    /// <summary>A star of five points.</summary>
    Star,

    /// <summary>A ring.</summary>
    Ring,

    /// <summary>A cross of two equal bars.</summary>
    Cross,

    /// <summary>A heart.</summary>
    Heart,

    /// <summary>A square on its tip, higher than wide.</summary>
    Diamond,

    /// <summary>A crescent.</summary>
    Crescent,

    /// <summary>A long bar with round ends.</summary>
    Rod,

    /// <summary>An irregular round outline.</summary>
    Blob,

    /// <summary>A round outline with a darker nucleus.</summary>
    Cell,
}
